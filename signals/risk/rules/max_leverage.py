"""How far the account may be levered: the leverage that the order is sent with, and all that the account would hold
over its equity, whichever is more."""

from decimal import ROUND_UP, Decimal

from signals.models.risk import Scope
from signals.risk.base import Maximum, Proposal, worth
from tradeops.core.money import EXACT, ZERO

from .max_exposure import gross, lines

_PLACES = Decimal("0.00000001")


class MaxLeverage(Maximum):
    slug = "max_leverage"

    def value(self, proposal: Proposal, scope: Scope) -> Decimal:
        equity = worth(proposal).equity
        held = gross(lines(proposal, Scope.ACCOUNT), proposal.symbol)
        if equity <= 0 < held:
            raise ValueError(f"the account is worth {equity:f}: nothing stands behind what it would hold")
        used = EXACT.divide(held, equity).quantize(_PLACES, rounding=ROUND_UP) if held else ZERO
        return max(used, proposal.leverage or ZERO)
