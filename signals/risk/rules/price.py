"""An entry needs a price, and a fresh one (D2)."""

from signals.risk.base import FAIL, PASS, Limit, Proposal, Unconfigured, Verdict


class Price(Unconfigured):
    slug = "price"
    binds_exits = False
    binds_endpoints = False

    def check(self, proposal: Proposal, limits: list[Limit]) -> Verdict:
        limit = f"{proposal.max_price_age_seconds} s"
        if proposal.quote is None:
            return Verdict(self.slug, FAIL, None, limit, f"there is no price: {proposal.quote_problem}")
        age = (proposal.now - proposal.quote.at).total_seconds()
        if age > proposal.max_price_age_seconds:
            return Verdict(
                self.slug, FAIL, f"{age:.3f} s", limit, f"the price is {age:.0f} s old; the limit is {limit}"
            )
        return Verdict(self.slug, PASS, f"{age:.3f} s", limit)
