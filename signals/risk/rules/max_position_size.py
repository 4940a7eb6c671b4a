"""How large the position may become, in base units, pending entries included."""

from decimal import Decimal

from signals.models.risk import Scope
from signals.risk.base import Maximum, Proposal


class MaxPositionSize(Maximum):
    slug = "max_position_size"

    def value(self, proposal: Proposal, scope: Scope) -> Decimal:
        assert proposal.quantity is not None
        assert proposal.book is not None
        return proposal.position_quantity + proposal.book.own_pending_quantity() + proposal.quantity
