"""The duties towards accounts: what is due, and what does it. Most urgent first."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from accounts import connection, sync
from accounts.brokers import registry
from accounts.models import Account, Credential
from signals.execution import resting
from signals.exits import runner as exits
from signals.paper import rounds as paper
from signals.reconciliation import cursor
from signals.reconciliation import run as reconciliation
from signals.risk import losses
from tradeops.core import configuration
from tradeops.core.errors import ConfigurationError

ALL = 0  # in the place of an account: the duty sees to all of them by itself


@dataclass(frozen=True)
class Duty:
    """`due` gives the keys (accounts, or ALL) that wait now: one indexed query; `run` sees to one, over the network.

    `prompt` duties have threads of their own: they never wait behind the others.
    """

    name: str
    due: Callable[[datetime], list[int]]
    run: Callable[[int, datetime], object]
    prompt: bool = False


def _load() -> list[int]:
    rows = Account.objects.filter(retired_at=None).order_by("pk").values_list("pk", "broker", "market")
    return [pk for pk, broker, market in rows if market != Account.Market.SPOT or not _local(broker)]


def _local(broker: str) -> bool:
    try:
        return registry.capabilities(broker).local
    except ConfigurationError:
        return True  # a broker that is not installed any more: nobody can be asked


# Accounts whose books are kept elsewhere, or whose venue, as paper's does, trades contracts by itself (liquidation,
# funding); retired ones left out.
at_venues = configuration.Cached(_load)


def _load_venues() -> dict[int, str]:
    rows = Account.objects.order_by("pk").values_list("pk", "broker", "base_url", "sandbox")
    return {pk: f"{broker} {base_url or ('sandbox' if sandbox else '')}" for pk, broker, base_url, sandbox in rows}


_venues = configuration.Cached(_load_venues)


def venue_of(key: int) -> str:
    """Which address an account's jobs wait for; that of ALL, and of an account that is gone, is empty."""
    return _venues().get(key, "")


def _to_compare(now: datetime) -> list[int]:
    found = cursor.due(now=now, accounts=at_venues()) if at_venues() else []
    # A key that the venue refuses is not used again and again; its test says when it is good.
    refused = set(Credential.objects.filter(account__in=found).exclude(problem="").values_list("account", flat=True))
    return [pk for pk in found if pk not in refused]


def _compare(account: int, now: datetime) -> None:
    row = Account.objects.select_related("credential").get(pk=account)
    reconciliation.run(row, now=now)


def _when(waiting: Callable[..., bool]) -> Callable[[datetime], list[int]]:
    return lambda now: [ALL] if at_venues() and waiting(now=now) else []


def _to_watch(now: datetime) -> list[int]:
    """Accounts at venues each by itself, since one may be slow; all others together, since none is."""
    found = exits.due(now=now)
    remote = set(at_venues()) if found else set()
    here = [pk for pk in found if pk in remote]
    return here if len(here) == len(found) else [ALL, *here]


def _watch(key: int, now: datetime) -> None:
    remote = set(at_venues())
    exits.run([key] if key != ALL else [pk for pk in exits.due(now=now) if pk not in remote], now=now)


DUTIES = (
    Duty("exits", _to_watch, _watch, prompt=True),
    Duty("paper", lambda now: paper.due(now=now), lambda key, now: paper.run(key, now=now), prompt=True),
    # Paper accounts have orders that rest, too.
    Duty("resting", lambda now: resting.due(now=now), lambda key, now: resting.run(key, now=now), prompt=True),
    Duty("connection", _when(connection.waiting), lambda key, now: connection.run_asked(now=now)),
    Duty("sync", _when(sync.waiting), lambda key, now: sync.run(now=now)),
    Duty("reconciliation", _to_compare, _compare),
    Duty("equity", lambda now: [ALL] if losses.due(now=now) else [], lambda key, now: losses.run(now=now)),
)
