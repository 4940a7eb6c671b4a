"""How many positions may be open at once in the scope, pending entries included."""

from decimal import Decimal

from signals.models.risk import Scope
from signals.risk.base import Maximum, Proposal


class MaxOpenPositions(Maximum):
    slug = "max_open_positions"
    whole_number = True

    def value(self, proposal: Proposal, scope: Scope) -> Decimal:
        assert proposal.book is not None
        return Decimal(len(proposal.book.open_positions(scope) | {proposal.book.own}))
