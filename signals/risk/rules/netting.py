"""Where an account nets long and short, opposite strategies on one symbol would close each other's positions (P1)."""

from signals.risk.base import FAIL, PASS, Limit, Proposal, Unconfigured, Verdict


class Netting(Unconfigured):
    slug = "netting"
    binds_exits = False
    binds_endpoints = False

    def check(self, proposal: Proposal, limits: list[Limit]) -> Verdict:
        setting = "allow" if proposal.netting else "reject"
        if proposal.market == "spot" or proposal.hedged or not proposal.position_side:
            return Verdict(self.slug, PASS, None, setting)
        assert proposal.book is not None
        for line in proposal.book.here():
            if line.key.strategy != proposal.book.own.strategy and line.side != proposal.position_side:
                if proposal.netting:
                    return Verdict(self.slug, PASS, line.side, setting)
                reason = (
                    f"another strategy is {line.side} {proposal.symbol} on {proposal.account}; say `netting: allow`"
                )
                return Verdict(self.slug, FAIL, line.side, setting, reason)
        return Verdict(self.slug, PASS, "none", setting)
