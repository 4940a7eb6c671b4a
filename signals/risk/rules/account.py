"""An account that is paused, frozen, or has an order in an unknown state takes no entries (X6)."""

from signals.risk.base import FAIL, PASS, Limit, Proposal, Unconfigured, Verdict


class AccountReady(Unconfigured):
    slug = "account"
    binds_exits = False
    binds_endpoints = False

    def check(self, proposal: Proposal, limits: list[Limit]) -> Verdict:
        if proposal.account_problem:
            return Verdict(
                self.slug, FAIL, proposal.account_problem, "ready", f"the account is {proposal.account_problem}"
            )
        return Verdict(self.slug, PASS, "ready", "ready")
