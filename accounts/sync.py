"""What accounts hold at their venues, read each minute and on demand. The venue is asked outside of transactions."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal

from django.db import connection, transaction
from django.db.models import QuerySet

from accounts import credentials, transfers, vault
from accounts.brokers import registry
from accounts.brokers.base import Balance, Broker, BrokerError, BrokerRejected, VenuePosition
from accounts.models import Account, AccountBalance, AccountPosition, AccountSync, Credential
from tradeops.core import clock, events, logs
from tradeops.core.errors import ConfigurationError
from tradeops.core.events import Event, Level

logger = logs.get(__name__)

EVERY = timedelta(seconds=60)
CLAIMED = timedelta(seconds=60)
AFTER_REFUSAL = timedelta(minutes=10)  # asking a venue that refuses the key again and again gets an address banned
TOLD_AFTER = timedelta(minutes=3)  # a venue that does not answer for a moment is no news
AT_ONCE = 8
MOST_PRICED = 10
_ZERO = Decimal(0)


_NONE = transfers.Listed()


@dataclass(frozen=True)
class Holdings:
    """What one look at the venue gave. `equity` in the account's currency, None where part of it has no price."""

    balances: dict[str, Balance]
    positions: tuple[VenuePosition, ...]
    equity: Decimal | None
    transfers: transfers.Listed = _NONE


def run(*, now: datetime, seconds: float = 8.0) -> int:
    """Reads the accounts that are due, some side by side, for about so long. Returns how many were stored.

    To be called outside of any transaction, in a process that may open the vault. What is not back in time is not
    waited for, and read again a minute later; so is what a killed worker had claimed.
    """
    _enlist(now=now)
    rows = _claim(now=now)
    if not rows:
        return 0
    pool = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="sync")
    try:
        under_way = {}
        for row in rows:
            broker = _broker(row)
            if broker is not None:
                asked = transfers.asked(row, now=now)
                under_way[pool.submit(_in_thread, broker, row.account.currency, asked)] = row
        done, _ = wait(under_way, timeout=seconds)
        for future in done:
            _settle(under_way[future], future)
        return len(done)
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def read(broker: Broker, *, currency: str, asked: transfers.Asked) -> Holdings:
    """Asks one account's venue; touches no database. Raises BrokerError."""
    held, listed = transfers.with_balances(broker, lambda: _look(broker, currency), asked, currency=currency)
    return replace(held, transfers=listed)


def _look(broker: Broker, currency: str) -> Holdings:
    balances = {name: held for name, held in broker.balances().items() if held.total or held.free}
    positions = _merged(broker.positions()) if broker.capabilities.positions else ()
    return Holdings(balances, positions, _equity(broker, balances, currency))


def _in_thread(broker: Broker, currency: str, asked: transfers.Asked) -> Holdings:
    """The venue's limits may be kept in the database: what was opened for them goes with the thread."""
    try:
        return read(broker, currency=currency, asked=asked)
    finally:
        connection.close()


def ask(*, account: Account, now: datetime) -> None:
    """Somebody wants to see it now: it is read within a second or two."""
    AccountSync.objects.update_or_create(account=account, defaults={"asked_at": now, "due_at": now})


def waiting(*, now: datetime) -> bool:
    """Whether an account is due: for who decides that work is to be done."""
    return _due(now=now).exists() or _unlisted().exists()


# Which accounts, and by whom --------------------------------------------------------------------------------------


def _due(*, now: datetime) -> QuerySet[AccountSync]:
    return AccountSync.objects.filter(due_at__lte=now, account__retired_at=None, account__credential__isnull=False)


def _unlisted() -> QuerySet[Credential]:
    return Credential.objects.filter(account__retired_at=None, account__sync=None)


def _enlist(*, now: datetime) -> None:
    new = [AccountSync(account_id=pk, due_at=now) for pk in _unlisted().values_list("account_id", flat=True)]
    if new:
        AccountSync.objects.bulk_create(new, ignore_conflicts=True)


def _claim(*, now: datetime) -> list[AccountSync]:
    mine = []
    for row in _due(now=now).select_related("account__credential").order_by("due_at", "pk")[: 4 * AT_ONCE]:
        claimed = now + CLAIMED
        if AccountSync.objects.filter(pk=row.pk, due_at=row.due_at).update(due_at=claimed):
            row.due_at = claimed
            mine.append(row)
    return mine


def _broker(row: AccountSync) -> Broker | None:
    """None where nothing can be asked, which is then the account's problem."""
    problem = row.account.credential.problem
    if problem == credentials.WITHDRAWS:
        problem = ""  # it is not traded with, but what is there may still be seen
    try:
        problem = problem or vault.problem(row.account)
        if not problem:
            return registry.broker_for(row.account)
    except ConfigurationError as error:
        problem = str(error)
    _failed(row, problem, final=True)
    return None


# What the venue said ----------------------------------------------------------------------------------------------


def _merged(positions: tuple[VenuePosition, ...]) -> tuple[VenuePosition, ...]:
    """One a symbol and side: a venue may hold a cross and an isolated one beside each other."""
    found: dict[tuple[str, str], VenuePosition] = {}
    for one in positions:
        if one.quantity:
            other = found.get((one.symbol, one.side))
            found[one.symbol, one.side] = one if other is None else _together(other, one)
    return tuple(found.values())


def _together(a: VenuePosition, b: VenuePosition) -> VenuePosition:
    quantity = a.quantity + b.quantity
    average = None
    if a.average_price is not None and b.average_price is not None:
        average = (a.average_price * a.quantity + b.average_price * b.quantity) / quantity
    pnl = None if a.unrealised_pnl is None or b.unrealised_pnl is None else a.unrealised_pnl + b.unrealised_pnl
    return replace(a, quantity=quantity, average_price=average, unrealised_pnl=pnl, margin_mode="")


def _equity(broker: Broker, balances: dict[str, Balance], currency: str) -> Decimal | None:
    """Everything at its last price; the venue's totals of a margin account have unrealised gains in them."""
    others = [name for name in balances if name != currency and balances[name].total]
    total = balances[currency].total if currency in balances else _ZERO
    if len(others) > MOST_PRICED or (others and not broker.capabilities.prices):
        return None
    for name in others:
        price = _last(broker, name, currency)
        if price is None:
            return None
        total += balances[name].total * price
    return total


def _last(broker: Broker, name: str, currency: str) -> Decimal | None:
    """A coin is priced in the account's currency, a share is a symbol of its own."""
    for symbol in (f"{name}/{currency}", name):
        with suppress(BrokerError):
            return broker.quote(symbol, now=clock.now()).last
    return None


def _settle(row: AccountSync, future: Future[Holdings]) -> None:
    try:
        found = future.result()
    except BrokerError as error:
        _failed(row, str(error), final=isinstance(error, BrokerRejected))
    except Exception as error:
        logger.exception("an account could not be read", account=row.account.slug)
        _failed(row, f"reading it failed ({type(error).__name__}); the log of the trade workers says more", final=False)
    else:
        _store(row, found)


def _store(row: AccountSync, found: Holdings) -> None:
    now = clock.now()
    with transaction.atomic():
        values = {
            "synced_at": now, "due_at": now + EVERY, "asked_at": None, "equity": found.equity, "problem": "",
            "problem_since": None, "told_at": None, **transfers.reading(row, found.transfers, now=now),
        }  # fmt: skip
        if not _mine(row).update(**values):
            return  # somebody claimed it meanwhile, or asked again: theirs is newer
        transfers.store(row.account, found.transfers.new, now=now)
        _replace_balances(row.account, found.balances, now=now)
        _replace_positions(row.account, found.positions, now=now)
        if row.told_at:
            _publish(row.account, Level.INFO, f"{row.account.slug} is read from its venue again", now)


def _mine(row: AccountSync) -> QuerySet[AccountSync]:
    return AccountSync.objects.filter(pk=row.pk, due_at=row.due_at)


def _replace_balances(account: Account, balances: dict[str, Balance], *, now: datetime) -> None:
    AccountBalance.objects.filter(account=account).exclude(currency__in=[name[:20] for name in balances]).delete()
    AccountBalance.objects.bulk_create(
        [
            AccountBalance(account=account, currency=name[:20], total=held.total, free=held.free, at=now)
            for name, held in balances.items()
        ],
        update_conflicts=True,
        unique_fields=["account", "currency"],
        update_fields=["total", "free", "at"],
    )


_POSITION = (
    "quantity", "average_price", "mark_price", "unrealised_pnl", "liquidation_price", "leverage", "margin_mode",
)  # fmt: skip


def _replace_positions(account: Account, positions: tuple[VenuePosition, ...], *, now: datetime) -> None:
    there = {(one.symbol, one.side) for one in positions}
    for old in AccountPosition.objects.filter(account=account):
        if (old.symbol, old.side) not in there:
            old.delete()
    AccountPosition.objects.bulk_create(
        [
            AccountPosition(
                account=account, symbol=one.symbol, side=one.side, at=now,
                **{name: getattr(one, name) for name in _POSITION},
            )
            for one in positions
        ],
        update_conflicts=True,
        unique_fields=["account", "symbol", "side"],
        update_fields=[*_POSITION, "at"],
    )  # fmt: skip


# What went wrong --------------------------------------------------------------------------------------------------


def _failed(row: AccountSync, problem: str, *, final: bool) -> None:
    """Kept and shown; told once, and only when it lasts. What was read before stays, with its time."""
    now = clock.now()
    since = row.problem_since or now
    tell = row.told_at is None and (final or now - since >= TOLD_AFTER)
    values = {
        "problem": problem[:300], "problem_since": since, "asked_at": None, "told_at": now if tell else row.told_at,
        "due_at": now + (AFTER_REFUSAL if final else EVERY),
    }  # fmt: skip
    with transaction.atomic():
        if _mine(row).update(**values) and tell and not row.account.credential.problem:  # that one was told already
            _publish(row.account, Level.ERROR, f"{row.account.slug} cannot be read: {problem}", now)


def _publish(account: Account, level: Level, title: str, now: datetime) -> None:
    events.publish(Event(name="account.sync", at=now, level=level, title=title, account=account.slug))
