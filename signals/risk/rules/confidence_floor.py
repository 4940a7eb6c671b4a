"""How sure the engine, or the message, must be: 0 to 1, or as a percentage. One that does not say is not sure."""

from decimal import Decimal
from typing import Any

from signals.risk.base import FAIL, PASS, Limit, Proposal, Verdict
from signals.risk.percent import percentage
from tradeops.core import money
from tradeops.core.errors import ConfigurationError


class ConfidenceFloor:
    slug = "confidence_floor"
    binds_exits = False
    binds_endpoints = False

    def parse(self, value: Any) -> str:
        try:
            floor = percentage(value) / 100 if str(value).strip().endswith("%") else money.exact(value)
        except ValueError as error:
            raise ConfigurationError(f"{self.slug}: {error}") from None
        if not 0 <= floor <= 1:
            raise ConfigurationError(f"{self.slug}: use a number from 0 to 1, or a percentage")
        return money.plain(floor) or "0"

    def check(self, proposal: Proposal, limits: list[Limit]) -> Verdict:
        if not limits:
            return Verdict(self.slug, PASS)
        floor, scope = max((Decimal(limit.value), limit.scope) for limit in limits)
        shown = money.plain(floor)
        if proposal.confidence is None:
            return Verdict(self.slug, FAIL, None, shown, f"it says no confidence; the {scope} floor is {shown}")
        given = money.plain(proposal.confidence)
        if proposal.confidence < floor:
            return Verdict(
                self.slug, FAIL, given, shown, f"a confidence of {given} is below the {scope} floor of {shown}"
            )
        return Verdict(self.slug, PASS, given, shown)
