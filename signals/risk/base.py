"""What a rule sees and says. One rule, one file under `rules/`, one line in `registry.py`."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, Protocol

from accounts.brokers.base import Quote
from signals.models.risk import Scope
from signals.portfolio.exposure import Book
from tradeops.core import money
from tradeops.core.errors import ConfigurationError
from tradeops.core.money import Side

PASS, FAIL, ERROR = "PASS", "FAIL", "ERROR"


@dataclass(frozen=True)
class Limit:
    """A configured bound and the scope it comes from."""

    scope: Scope
    value: Any


@dataclass(frozen=True, kw_only=True)
class Proposal:
    """An order, or a relay, that is about to be approved. Quantities in base units, prices in quote currency.

    `reduces` = it only reduces the strategy's own position: then only rules with `binds_exits` are asked.
    For an endpoint `account` is empty and there is no side, size, price or book.
    """

    now: datetime
    reduces: bool
    strategy: str
    account: str = ""
    age_seconds: float
    max_age_seconds: int
    ticker: str
    symbol: str = ""  # the venue's; empty = not mapped
    quote_currency: str = ""
    account_currency: str = ""
    side: Side | None = None
    quantity: Decimal | None = None
    position_quantity: Decimal = Decimal(0)
    quote: Quote | None = None
    quote_problem: str = ""
    max_price_age_seconds: int = 60
    price: Decimal | None = None
    account_problem: str = ""
    switches_on: tuple[str, ...] = ()
    book: Book | None = None

    @property
    def notional(self) -> Decimal | None:
        """What the order is worth, in the quote currency: zero without an order, None without a price."""
        if not self.quantity:
            return Decimal(0)
        return None if self.price is None else self.quantity * self.price


@dataclass(frozen=True)
class Verdict:
    """`value` and `limit` are what the rule saw and compared with, as text; `reason` is one sentence when it fails."""

    rule: str
    verdict: str
    value: str | None = None
    limit: str | None = None
    reason: str = field(default="", compare=False)

    @property
    def passed(self) -> bool:
        return self.verdict == PASS

    def to_json(self) -> dict[str, str | None]:
        return {"rule": self.rule, "verdict": self.verdict, "value": self.value, "limit": self.limit}


class Rule(Protocol):
    slug: str
    binds_exits: bool  # asked of reducing orders too
    binds_endpoints: bool  # asked of relays too

    def parse(self, value: Any) -> Any:
        """A configured limit in its stored JSON form. Raises ConfigurationError."""

    def check(self, proposal: Proposal, limits: list[Limit]) -> Verdict: ...


class Maximum:
    """A rule of the form `value ≤ limit`, checked in each scope that has a limit: the strictest wins (D3)."""

    slug: str
    binds_exits = False
    binds_endpoints = False
    whole_number = False

    def value(self, proposal: Proposal, scope: Scope) -> Decimal:
        """What is compared with the limit of that scope, counting the proposal itself."""
        raise NotImplementedError

    def parse(self, value: Any) -> str:
        try:
            limit = money.exact(value)
        except ValueError as error:
            raise ConfigurationError(f"{self.slug}: {error}") from None
        if limit < 0 or (self.whole_number and limit != limit.to_integral_value()):
            raise ConfigurationError(f"{self.slug}: use a {'whole ' if self.whole_number else ''}number, zero or more")
        return money.plain(limit) or "0"

    def check(self, proposal: Proposal, limits: list[Limit]) -> Verdict:
        measured = [(self.value(proposal, limit.scope), Decimal(limit.value), limit.scope) for limit in limits]
        if not measured:
            return Verdict(self.slug, PASS)
        value, bound, scope = min(measured, key=lambda item: item[1] - item[0])  # the least room
        if value > bound:
            reason = (
                f"{self.slug.replace('_', ' ')}: {money.plain(value)} is over the {scope} limit of {money.plain(bound)}"
            )
            return Verdict(self.slug, FAIL, money.plain(value), money.plain(bound), reason)
        return Verdict(self.slug, PASS, money.plain(value), money.plain(bound))


class Unconfigured:
    """A rule that takes no limit from the risk section."""

    slug: str

    def parse(self, value: Any) -> Any:
        raise ConfigurationError(f"{self.slug} takes no limit here")
