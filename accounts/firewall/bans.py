"""Automatic bans: failures are counted, and whoever has too many is kept out for a while (E6).

The request that fails pays for one touch of the limits' store and nothing else. A thread writes the bans four times a
second, many in one transaction, and with that every process has them within a second.

An address from which valid messages come too is spared, since a valid credential passes even beside a guesser (I7).
"""

from __future__ import annotations

import os
import threading
import time
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.core.cache import caches
from django.db import Error as DatabaseError
from django.db import connection, transaction

from accounts.models import FirewallBan, FirewallSettings
from tradeops.core import clock, configuration, events, logs
from tradeops.core.events import Event, Level
from tradeops.core.network import Address

from . import concerns
from .book import current, neighbourhood, place

logger = logs.get(__name__)

MOST_FRESH = 1000  # bans that wait to be written; a flood of more is counted on, and banned a little later
REPEATED_WITHIN = timedelta(days=7)  # of the last ban's end: then the next is twice as long
TOLD_A_MINUTE = 10
WRITE_EVERY_SECONDS = 0.25


@dataclass(frozen=True, kw_only=True, slots=True)
class Fresh:
    """A ban that is not written yet."""

    network: str
    reason: str
    failures: int
    banned_at: datetime


fresh: dict[int, Fresh] = {}  # by `book.place`
_lock = threading.Lock()
_wake = threading.Event()
_writer_pid = 0


def charge(*, address: Address | None, reason: str, now: datetime, exempt: bool = False) -> None:
    """Counts a failed authentication, and bans its address when they are too many. No database.

    `reason` is for people: "wrong webhook secret". Never banned: this machine, an address that a rule allows, and
    whom the caller exempts because many share the address, as they do TradingView's.
    """
    book = current.kept()
    rule = book.settings
    if exempt or address is None or address.is_loopback or not rule.ban_after:
        return
    ruling = book.of_network(address, now)
    if ruling is not None and ruling.allow:
        return
    failures = _count(f"firewall:{neighbourhood(address)}", seconds=rule.within_seconds)
    # Each number comes up once over all processes, so one of them imposes the ban.
    if failures and failures % rule.ban_after == 0:
        _impose(address, reason=reason, failures=failures, now=now)


def _count(key: str, *, seconds: int) -> int:
    """Adds one to a counter that lives for so long from its first; 0 where the store does not answer."""
    store = caches["limits"]
    try:
        return 1 if store.add(key, 1, seconds) else int(store.incr(key))
    except Exception:
        logger.exception("the limits' store does not answer; a failed authentication is not counted")
        return 0


def _impose(address: Address, *, reason: str, failures: int, now: datetime) -> None:
    ban = Fresh(network=neighbourhood(address), reason=reason[:80], failures=failures, banned_at=now)
    with _lock:
        if len(fresh) >= MOST_FRESH:
            return
        fresh[place(address)] = ban
    _start_writer()
    _wake.set()


def flush(*, now: datetime) -> int:
    """Writes the fresh bans, tells of them, and returns how many took effect. On a database error they wait."""
    with _lock:
        waiting = dict(fresh)
    if not waiting:
        return 0
    rule = current().settings
    spared = [ban for ban in waiting.values() if concerns.spared(ban.network, now=now)]
    with transaction.atomic():
        written = [row for ban in waiting.values() if ban not in spared and (row := _write(ban, rule)) is not None]
        if written:
            configuration.changed()
        told = [*(_banned(row, now) for row in written), *(_spared(ban, now) for ban in spared)]
        for event in told[: _may_tell(len(told))]:
            events.publish(event)
    current()  # this process need not wait for its keeper
    with _lock:
        for key, ban in waiting.items():
            if fresh.get(key) is ban:
                del fresh[key]
    if written:
        logger.warning("addresses banned", count=len(written), networks=[row.network for row in written[:20]])
    return len(written)


def _write(ban: Fresh, rule: FirewallSettings) -> FirewallBan | None:
    """The row of a ban, or None where another process has banned the address meanwhile."""
    first = FirewallBan(
        network=ban.network, reason=ban.reason, failures=ban.failures, strikes=0,
        banned_at=ban.banned_at, until=ban.banned_at,
    )  # fmt: skip
    FirewallBan.objects.bulk_create([first], ignore_conflicts=True)
    row = FirewallBan.objects.select_for_update(no_key=True).get(network=ban.network)
    if row.until > ban.banned_at and row.lifted_at is None:
        return None
    again = row.lifted_at is None and row.until > ban.banned_at - REPEATED_WITHIN
    row.strikes = row.strikes + 1 if again else 1
    row.reason, row.failures, row.banned_at = ban.reason, ban.failures, ban.banned_at
    row.until = ban.banned_at + _length(row.strikes, rule)
    row.lifted_at, row.lifted_by = None, ""
    row.save()
    return row


def _length(strikes: int, rule: FirewallSettings) -> timedelta:
    return timedelta(seconds=min(rule.longest_seconds, rule.ban_seconds * 2 ** min(strikes - 1, 30)))


def _may_tell(count: int) -> int:
    """How many of `count` bans may be told of: a storm of them is not a storm of messages. The list has them all."""
    for number in range(count):
        if _count("firewall-told", seconds=60) > TOLD_A_MINUTE:
            return number
    return count


def _spared(ban: Fresh, now: datetime) -> Event:
    return Event(
        name="firewall.spared",
        at=now,
        level=Level.WARNING,
        title=f"{ban.network} had {ban.failures} failed attempts ({ban.reason}) and is not banned: "
        "valid messages come from there too",
        body={"network": ban.network, "reason": ban.reason, "failures": ban.failures},
    )


def _banned(row: FirewallBan, now: datetime) -> Event:
    again = f", for the {row.strikes}. time" if row.strikes > 1 else ""
    return Event(
        name="firewall.banned",
        at=now,
        level=Level.WARNING,
        title=f"{row.network} is banned until {row.until:%Y-%m-%d %H:%M} UTC{again}: "
        f"{row.failures} failed attempts ({row.reason})",
        body={
            "network": row.network,
            "until": clock.iso_ms(row.until),
            "reason": row.reason,
            "failures": row.failures,
            "strikes": row.strikes,
        },
    )


# The writer -----------------------------------------------------------------------------------------------------


def _start_writer() -> None:
    """Threads do not survive a fork, so the first ban of each process starts its own."""
    global _writer_pid
    if _writer_pid == os.getpid() or not settings.FIREWALL_WRITER:
        return
    with _lock:
        if _writer_pid == os.getpid():
            return
        _writer_pid = os.getpid()
    threading.Thread(target=_write_for_ever, name="firewall", daemon=True).start()


def _write_for_ever() -> None:
    while True:
        _wake.wait()
        _wake.clear()
        while fresh:
            try:
                flush(now=clock.now())
            except DatabaseError as error:
                logger.warning("bans wait to be written: the database does not answer", error=str(error))
            except Exception:  # the thread must outlive whatever a listener raises
                logger.exception("bans could not be written or told")
            finally:
                connection.close()
            time.sleep(WRITE_EVERY_SECONDS)
