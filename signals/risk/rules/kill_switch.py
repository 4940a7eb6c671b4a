"""Stops every new entry while a switch of its scope is on (D5)."""

from signals.risk.base import FAIL, PASS, Limit, Proposal, Unconfigured, Verdict


class KillSwitch(Unconfigured):
    slug = "kill_switch"
    binds_exits = False
    binds_endpoints = True

    def check(self, proposal: Proposal, limits: list[Limit]) -> Verdict:
        if proposal.switches_on:
            where = ", ".join(proposal.switches_on)
            return Verdict(self.slug, FAIL, f"on ({where})", "off", f"the kill switch is on ({where})")
        return Verdict(self.slug, PASS, "off", "off")
