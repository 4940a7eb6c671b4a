"""What the accounts of a replay are: paper accounts like those of the strategy, as fresh as on their first day."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from accounts.models import Account, AccountBalance
from signals.market.base import source_name
from signals.models import EquityDay, EquityPoint, Fill, Strategy
from signals.paper.broker import PaperBroker
from signals.pipeline import plans
from signals.portfolio import pnl
from tradeops.core import configuration, money
from tradeops.core.errors import Refused
from tradeops.core.money import EXACT, ZERO

from .asked import Asked

_BPS = Decimal("0.0001")


@dataclass(frozen=True)
class Openings:
    """`rows` are to be stored there, unsaved copies with their keys; `traded` those here that decisions name, `linked`
    the keys of the strategy's own. `said`: what is different about them, a sentence each."""

    rows: list[Account] = field(default_factory=list)
    traded: list[Account] = field(default_factory=list)
    linked: list[int] = field(default_factory=list)
    said: list[str] = field(default_factory=list)


def of(asked: Asked) -> Openings:
    """Raises Refused where nothing is left that a paper account could stand for, or nobody knows what it had."""
    configuration.forget()
    found = Openings()
    accounts = plans.of(asked.strategy.pk).accounts
    if not accounts:
        raise Refused(f"{asked.strategy.slug} trades on no account: it only relays, and a replay relays nothing")
    for account in accounts:
        _add(found, asked, account)
    if not found.traded:
        raise Refused(f"none of the accounts of {asked.strategy.slug} can be replayed: {' '.join(found.said)}")
    return found


def _add(found: Openings, asked: Asked, account: Account) -> None:
    on_paper = asked.strategy.mode == Strategy.Mode.PAPER and not account.is_paper
    traded = getattr(account, "paper_twin", None) if on_paper else account
    if traded is None:
        found.said.append(f"{account.slug} is left out: it has no paper twin, and the strategy's mode is paper.")
        return
    if traded.market not in PaperBroker.capabilities.markets:
        found.said.append(f"{account.slug} is left out: the paper venue has no {traded.market}.")
        return
    if traded is not account:
        found.rows.append(_untouchable(account))
    found.rows.append(_fresh(found, asked, traded, twin=traded is not account))
    found.traded.append(traded)
    found.linked.append(account.pk)


def _untouchable(account: Account) -> Account:
    """The real account, whose paper twin trades: the strategy's symbols may name it. Nothing of it is used."""
    row = copy.copy(account)
    row.base_url, row.retired_at, row.active = "", account.created_at, False
    return row


def _fresh(found: Openings, asked: Asked, account: Account, *, twin: bool) -> Account:
    row = copy.copy(account)
    row.prices = source_name(strategy_prices="", account=account)
    row.broker, row.sandbox, row.base_url = "paper", False, ""
    row.external_trades, row.dry_run, row.active = Account.ExternalTrades.IGNORE, False, True
    row.frozen_reason, row.frozen_by, row.frozen_at = "", "", None
    if not twin:
        row.twin_of = None
    if not account.is_paper:
        row.fee_bps, row.slippage_bps = _costs(found, asked, account)
    row.initial_balances = {name: money.plain(value) for name, value in _balances(found, asked, account).items()}
    return row


def _costs(found: Openings, asked: Asked, account: Account) -> tuple[Decimal, Decimal]:
    """Fee and slippage of its paper twin; else the fee that its own fills of that time were charged."""
    twin = getattr(account, "paper_twin", None)
    if twin is not None:
        return twin.fee_bps, twin.slippage_bps
    fills = Fill.objects.filter(account=account, at__gte=asked.since, at__lt=asked.until)
    paid = traded = ZERO
    for quantity, price, fee, currency, symbol in fills.values_list(
        "quantity", "price", "fee", "fee_currency", "symbol"
    ):
        base = currency and currency == symbol.partition("/")[0]
        paid += EXACT.multiply(fee, price) if base else fee if currency in ("", pnl.quote_of(symbol)) else ZERO
        traded += EXACT.multiply(quantity, price)
    bps = EXACT.divide(paid * 10000, traded).quantize(_BPS) if traded else ZERO
    found.said.append(
        f"{account.slug} is charged {money.plain(bps)} basis points, what its fills of that time cost, without"
        " slippage; its lots and minimums are the paper venue's."
    )
    return max(ZERO, bps), ZERO


def _balances(found: Openings, asked: Asked, account: Account) -> Mapping[str, Decimal]:
    if asked.balances:
        return asked.balances
    if account.is_paper:
        return {name: money.exact(value) for name, value in account.initial_balances.items()}
    equity = _equity(asked, account)
    if equity is not None:
        found.said.append(f"{account.slug} begins with its equity of then, {money.plain(equity)} {account.currency}.")
        return {account.currency: equity}
    held = dict(AccountBalance.objects.filter(account=account).values_list("currency", "total"))
    if not held:
        raise Refused(
            f"nobody knows what {account.slug} had: its equity of that time is not stored and its balances were not "
            f"read; say what it begins with, such as --balance {account.currency}=100000"
        )
    found.said.append(f"{account.slug} begins with its balances of now: its equity of that time is not stored.")
    return held


def _equity(asked: Asked, account: Account) -> Decimal | None:
    """What was stored last before the time began, of no earlier than the day before."""
    before = EquityPoint.objects.filter(account=account, at__lte=asked.since).order_by("-at").first()
    if before is not None and (asked.since - before.at).total_seconds() < 86_400:
        return before.equity
    day = EquityDay.objects.filter(account=account, opened_at__gte=asked.since, opened_at__lt=asked.until)
    first = day.order_by("day").first()
    return None if first is None else first.opening
