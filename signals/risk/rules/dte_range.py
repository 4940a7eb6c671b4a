"""How many days an option may have left when it is bought: `{min, max}`, both included."""

from typing import Any

from signals.risk.base import FAIL, PASS, Limit, Proposal, Verdict
from tradeops.core.errors import ConfigurationError


class DteRange:
    slug = "dte_range"
    binds_exits = False
    binds_endpoints = False

    def parse(self, value: Any) -> dict[str, int]:
        if not isinstance(value, dict) or not value or not set(value) <= {"min", "max"}:
            raise ConfigurationError(f"{self.slug}: give days as {{min: 7, max: 45}}")
        found = {}
        for name, days in value.items():
            if not str(days).isascii() or not str(days).isdigit() or int(days) > 36500:
                raise ConfigurationError(f"{self.slug}: {name}: use a whole number of days")
            found[name] = int(days)
        if found.get("min", 0) > found.get("max", 36500):
            raise ConfigurationError(f"{self.slug}: min is more than max")
        return found

    def check(self, proposal: Proposal, limits: list[Limit]) -> Verdict:
        if not limits or not proposal.is_option:
            return Verdict(self.slug, PASS)
        least = max(int(limit.value.get("min", 0)) for limit in limits)
        most = min(int(limit.value.get("max", 36500)) for limit in limits)
        shown = f"{least} to {most}"
        if proposal.expiration is None or proposal.today is None:
            return Verdict(self.slug, FAIL, None, shown, "the option's expiration is not known")
        left = (proposal.expiration - proposal.today).days
        if not least <= left <= most:
            return Verdict(self.slug, FAIL, str(left), shown, f"the option has {left} days left; allowed are {shown}")
        return Verdict(self.slug, PASS, str(left), shown)
