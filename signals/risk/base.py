"""What a rule sees and says. One rule, one file under `rules/`, one line in `registry.py`."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Protocol

from accounts.brokers.base import Quote
from signals.models.risk import Scope
from signals.portfolio.equity import Worth
from signals.portfolio.exposure import Book
from tradeops.core import money
from tradeops.core.errors import ConfigurationError
from tradeops.core.money import Side

from .windows import Window

# A venue's account is read each minute; twice that is late, and then nobody knows what it has lost.
MAX_EQUITY_AGE_SECONDS = 150
PASS, FAIL, ERROR = "PASS", "FAIL", "ERROR"


@dataclass(frozen=True)
class Limit:
    """A configured bound and the scope it comes from."""

    scope: Scope
    value: Any


@dataclass(frozen=True)
class OrderCount:
    """Orders that the strategy has made in the last 60 s: on all accounts, and on the proposal's own."""

    strategy: int
    account: int


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
    closes: Decimal = Decimal(0)  # of the strategy's own other side, before it opens
    orders: int = 1  # that come of it
    position_quantity: Decimal = Decimal(0)
    quote: Quote | None = None
    quote_problem: str = ""
    max_price_age_seconds: int = 60
    price: Decimal | None = None
    account_problem: str = ""
    switches_on: tuple[str, ...] = ()
    halted: bool = False
    maintenance: str = ""  # what is being maintained; empty = nothing
    windows: Sequence[Window] = ()  # the strategy's own
    book: Book | None = None
    position_side: str = ""  # of the position that it opens: long, short
    market: str = "spot"
    leverage: Decimal | None = None  # that it is sent with
    hedged: bool = False  # the account holds both sides of a symbol side by side
    netting: bool = False  # whether the strategy may hold the other side of a netted symbol
    confidence: Decimal | None = None
    worth: Worth | None = None
    last_minute: OrderCount | None = None
    last_loss_at: datetime | None = None
    losses_known: bool = True
    is_option: bool = False
    expiration: date | None = None
    today: date | None = None  # of the account

    @property
    def notional(self) -> Decimal | None:
        """What the order is worth, in the quote currency: zero without an order, None without a price."""
        if not self.quantity:
            return Decimal(0)
        return None if self.price is None else self.quantity * self.price

    def value(self) -> Decimal:
        """The notional in the account's currency. Raises ValueError without a price, or a rate between the two."""
        if self.notional is None:
            raise ValueError("the order's value is not known without a price")
        same_currency(self.quote_currency, self.account_currency)
        return self.notional


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


def same_currency(given: str, wanted: str) -> None:
    """A conversion would need a rate that nobody has configured: a rule that cannot tell rejects."""
    if given != wanted:
        raise ValueError(f"no rate from {given} to the account's {wanted}")


def worth(proposal: Proposal) -> Worth:
    """The account's equity. Raises ValueError where it is not known, or was not for a while."""
    found = proposal.worth
    if found is None:
        raise ValueError("the account's equity is not known yet")
    age = (proposal.now - found.at).total_seconds()
    if age > MAX_EQUITY_AGE_SECONDS:
        why = f": {found.problem}" if found.problem else ""
        raise ValueError(f"the account's equity is {age:.0f} s old; the limit is {MAX_EQUITY_AGE_SECONDS} s{why}")
    return found


class Maximum(ABC):
    """A rule of the form `value ≤ limit`, checked in each scope that has a limit: the strictest wins (D3)."""

    slug: str
    binds_exits = False
    binds_endpoints = False
    whole_number = False

    @abstractmethod
    def value(self, proposal: Proposal, scope: Scope) -> Decimal:
        """What is compared with the limit of that scope, counting the proposal itself."""

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
