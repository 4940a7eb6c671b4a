"""No entries while the venue, endpoint or strategy is being maintained (D7)."""

from signals.risk.base import FAIL, PASS, Limit, Proposal, Unconfigured, Verdict


class Maintenance(Unconfigured):
    slug = "maintenance"
    binds_exits = False
    binds_endpoints = True

    def check(self, proposal: Proposal, limits: list[Limit]) -> Verdict:
        if proposal.maintenance:
            reason = f"maintenance of {proposal.maintenance}"
            return Verdict(self.slug, FAIL, proposal.maintenance, "none", reason)
        return Verdict(self.slug, PASS, "none", "none")
