"""How much may be held in all: gross, net, and of one symbol; in the account's currency, pending entries included.

`{gross, net, per_symbol}`, or a number alone, which is the gross one. Net is what longs are worth less shorts,
whichever is more; per symbol is gross.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from decimal import Decimal
from typing import Any

from signals.models.risk import Scope
from signals.portfolio.exposure import Line, currency_of
from signals.risk.base import FAIL, PASS, Limit, Proposal, Verdict, same_currency
from tradeops.core import money
from tradeops.core.errors import ConfigurationError
from tradeops.core.money import ZERO


def gross(lines: Iterable[Line], symbol: str) -> Decimal:
    return sum((abs(line.value) for line in lines), ZERO)


def net(lines: Iterable[Line], symbol: str) -> Decimal:
    return abs(sum((line.value for line in lines), ZERO))


def per_symbol(lines: Iterable[Line], symbol: str) -> Decimal:
    return sum((abs(line.value) for line in lines if line.key.symbol == symbol), ZERO)


MEASURES: dict[str, Callable[[Iterable[Line], str], Decimal]] = {"gross": gross, "net": net, "per_symbol": per_symbol}


def lines(proposal: Proposal, scope: Scope) -> list[Line]:
    """What the scope would hold with the proposal. Raises ValueError for what cannot be valued."""
    assert proposal.book is not None
    found = list(_left(proposal, proposal.book.lines(scope)))
    for line in found:
        same_currency(currency_of(line), proposal.account_currency)
    proposal.value()  # raises for what has no price, or no rate
    if not proposal.quantity:
        return found
    return [*found, Line(proposal.book.own, proposal.position_side, proposal.quantity, proposal.price)]


def _left(proposal: Proposal, there: Iterable[Line]) -> Iterator[Line]:
    """Without what a reversal closes before it opens. What is held comes before what is pending, and goes first."""
    assert proposal.book is not None
    closes = proposal.closes
    for line in there:
        if closes and line.key == proposal.book.own and line.side != proposal.position_side:
            gone = min(closes, line.quantity)
            closes -= gone
            yield replace(line, quantity=line.quantity - gone)
        else:
            yield line


class MaxExposure:
    slug = "max_exposure"
    binds_exits = False
    binds_endpoints = False

    def parse(self, value: Any) -> dict[str, str]:
        given = value if isinstance(value, dict) else {"gross": value}
        if not given:
            raise ConfigurationError(f"{self.slug}: give one or more of {', '.join(MEASURES)}")
        return {str(name): self._bound(str(name), amount) for name, amount in given.items()}

    def _bound(self, name: str, amount: Any) -> str:
        if name not in MEASURES:
            raise ConfigurationError(f"{self.slug}: there is no {name[:20]!r}; there are {', '.join(MEASURES)}")
        try:
            bound = money.exact(amount)
        except ValueError as error:
            raise ConfigurationError(f"{self.slug}: {name}: {error}") from None
        if bound < 0:
            raise ConfigurationError(f"{self.slug}: {name}: use a number, zero or more")
        return money.plain(bound) or "0"

    def check(self, proposal: Proposal, limits: list[Limit]) -> Verdict:
        measured = []
        for limit in limits:
            held = lines(proposal, limit.scope)
            for name, bound in limit.value.items():
                measured.append((Decimal(bound), MEASURES[name](held, proposal.symbol), name, limit.scope))
        if not measured:
            return Verdict(self.slug, PASS)
        bound, value, name, scope = min(measured, key=lambda item: item[0] - item[1])
        shown = (f"{name} {money.plain(value)}", f"{name} {money.plain(bound)}")
        if value > bound:
            reason = f"the {name.replace('_', ' ')} exposure would be {money.plain(value)} {proposal.account_currency}"
            return Verdict(self.slug, FAIL, *shown, f"{reason}, over the {scope} limit of {money.plain(bound)}")
        return Verdict(self.slug, PASS, *shown)
