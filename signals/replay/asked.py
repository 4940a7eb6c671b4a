"""What is to be replayed: a strategy and a time, refused with a reason where there is nothing to be replayed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal

from django.db.models import QuerySet

from signals.models import Signal, Strategy
from tradeops.core import clock, money
from tradeops.core.errors import Refused


@dataclass(frozen=True, kw_only=True)
class Asked:
    """`since` counts, `until` does not. `balances` (currency → amount): what every account begins with, if given."""

    strategy: Strategy
    since: datetime
    until: datetime
    balances: Mapping[str, Decimal] = field(default_factory=dict)


def read(*, slug: str, since: str, until: str, balances: list[str], now: datetime) -> Asked:
    """From what a person wrote; empty = from the strategy's first signal, until `now`. Raises Refused."""
    strategy = Strategy.objects.filter(slug=slug).first()
    if strategy is None:
        there = ", ".join(Strategy.objects.order_by("slug").values_list("slug", flat=True)) or "none yet"
        raise Refused(f"there is no strategy {slug!r} (there are: {there})")
    first = signals_of(strategy).order_by("received_at").first()
    if first is None:
        raise Refused(f"no signal of {slug} is stored, so there is nothing to replay; send one, or choose another")
    begin = _moment(since, "--from") if since else first.received_at
    end = _moment(until, "--to") if until else now
    if begin >= end:
        raise Refused(
            f"--from {clock.iso_ms(begin)} is not before --to {clock.iso_ms(end)}; a date alone is its midnight in UTC,"
            " and --to itself does not count any more"
        )
    asked = Asked(strategy=strategy, since=begin, until=end, balances=_amounts(balances))
    if not signals(asked).exists():
        last = signals_of(strategy).order_by("-received_at").first() or first
        raise Refused(
            f"no signal of {slug} was received from {clock.iso_ms(begin)} to {clock.iso_ms(end)}; those that are stored"
            f" are from {clock.iso_ms(first.received_at)} to {clock.iso_ms(last.received_at)}"
        )
    return asked


def signals_of(strategy: Strategy) -> QuerySet[Signal]:
    """Those that were routed to it."""
    return Signal.objects.filter(work__strategy=strategy)


def signals(asked: Asked) -> QuerySet[Signal]:
    return signals_of(asked.strategy).filter(received_at__gte=asked.since, received_at__lt=asked.until)


def _moment(text: str, name: str) -> datetime:
    try:
        found = datetime.fromisoformat(text.strip())
    except ValueError:
        raise Refused(
            f"{name} {text!r} is no time; write 2026-11-02 or 2026-11-02T14:30, with +01:00 if not UTC"
        ) from None
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


def _amounts(given: list[str]) -> dict[str, Decimal]:
    found = {}
    for text in given:
        currency, equals, amount = text.partition("=")
        try:
            value = money.exact(amount)
        except ValueError as error:
            raise Refused(f"--balance {text!r}: {error}; write it as USDT=100000") from None
        if not currency or not equals or value < 0:
            raise Refused(f"--balance {text!r}: write a currency and what there is of it, such as USDT=100000")
        found[currency.strip().upper()] = value
    return found
