"""Stops every entry of a strategy that a rule has halted, until a person lets it go on."""

from signals.risk.base import FAIL, PASS, Limit, Proposal, Unconfigured, Verdict


class Halted(Unconfigured):
    slug = "halted"
    binds_exits = False
    binds_endpoints = True

    def check(self, proposal: Proposal, limits: list[Limit]) -> Verdict:
        if proposal.halted:
            reason = f"{proposal.strategy} is halted until a person lets it go on"
            return Verdict(self.slug, FAIL, "halted", "going", reason)
        return Verdict(self.slug, PASS, "going", "going")
