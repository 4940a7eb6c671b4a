"""How many positions an account may have in one symbol, pending entries included.

Counted on the order's own account: of its strategy for a strategy's limit, of all strategies otherwise. A limit
of 1 on a strategy with several accounts therefore lets each of them hold one.
"""

from decimal import Decimal

from signals.models.risk import Scope
from signals.risk.base import Maximum, Proposal


class MaxPositionsPerSymbol(Maximum):
    slug = "max_positions_per_symbol"
    whole_number = True

    def value(self, proposal: Proposal, scope: Scope) -> Decimal:
        assert proposal.book is not None
        return Decimal(len(proposal.book.positions_in_symbol(scope) | {proposal.book.own}))
