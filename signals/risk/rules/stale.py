"""A signal that is too old is never traded; what only reduces has its own, longer limit (I12)."""

from signals.risk.base import FAIL, PASS, Limit, Proposal, Unconfigured, Verdict


class Stale(Unconfigured):
    slug = "stale"
    binds_exits = True
    binds_endpoints = True

    def check(self, proposal: Proposal, limits: list[Limit]) -> Verdict:
        value, limit = f"{proposal.age_seconds:.3f} s", f"{proposal.max_age_seconds} s"
        if proposal.age_seconds > proposal.max_age_seconds:
            return Verdict(
                self.slug, FAIL, value, limit, f"the signal is {proposal.age_seconds:.0f} s old; the limit is {limit}"
            )
        return Verdict(self.slug, PASS, value, limit)
