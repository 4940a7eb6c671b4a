"""The request log's refusals: counted in memory, written once a second by a thread of the process (I11).

A flood costs neither memory nor disk without bound: equal refusals are one row with a count, the buffer holds
`MAX_ENTRIES` of them and counts the rest without their address, and rows are written at `ROWS_A_SECOND` on
average with a burst of `ROWS_AT_ONCE`; what waits goes on being counted.
"""

from __future__ import annotations

import atexit
import os
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.core.cache import caches
from django.db import Error as DatabaseError
from django.db import connection, transaction
from django.http import HttpRequest

from accounts.firewall import countries
from signals.models import RefusedAttempt
from tradeops.core import clock, events, logs
from tradeops.core.errors import InvalidPayload, TradeOpsError
from tradeops.core.events import Event, Level
from tradeops.core.network import Address

from .address import client_country
from .answers import SILENT
from .arrival import Arrival
from .sources import RESERVED_SLUGS, directory

logger = logs.get(__name__)

MAX_ENTRIES = 500
ROWS_AT_ONCE = 200
ROWS_A_SECOND = 1
NOTIFY_EVERY_SECONDS = 60
PARTS = ("admin", "api", "static")  # of the portal; what else stands in a path may be a secret in the wrong place

_Key = tuple[str | None, str, str]  # address, reason, source


@dataclass
class _Entry:
    row: RefusedAttempt
    tradingview: bool


class _Buffer:
    def __init__(self) -> None:
        self.entries: dict[_Key, _Entry] = {}
        self.lock = threading.Lock()
        self.writer_pid = 0

    def add(self, entry: _Entry) -> None:
        row = entry.row
        key: _Key = (row.address, row.reason, row.source_slug)
        with self.lock:
            if key not in self.entries and len(self.entries) >= MAX_ENTRIES:
                key, row.address, row.country = (None, row.reason, row.source_slug), None, ""
            if known := self.entries.get(key):
                known.row.times += row.times
            else:
                self.entries[key] = entry

    def take(self, count: int) -> list[_Entry]:
        """The first `count`, those of known sources before strangers."""
        with self.lock:
            keys = sorted(self.entries, key=lambda key: not key[2])[:count]
            return [self.entries.pop(key) for key in keys]


_buffer = _Buffer()


def record(arrival: Arrival, error: TradeOpsError) -> None:
    """Notes a refusal; no I/O. The token is in no column, wherever the sender put it."""
    sender = arrival.sender
    slug = sender.row.slug if sender else ""
    row = RefusedAttempt(
        at=arrival.received_at,
        address=str(arrival.address) if arrival.address else None,
        country=client_country(arrival.request) or countries.of(arrival.address),
        source_slug=slug,
        outcome=error.http_status,
        reason=(str(error) if isinstance(error, SILENT) else error.code)[:40],
        detail=_detail(error, arrival.token),
        path=_path(arrival, slug),
        request_id=arrival.request_id,
        ms=arrival.milliseconds,
        size=len(arrival.body),
    )
    _buffer.add(_Entry(row, _from_tradingview(arrival)))
    _start_writer()


def record_page(request: HttpRequest, error: TradeOpsError, *, address: Address | None, now: datetime) -> None:
    """Notes that the firewall kept somebody from a page or the API; no I/O. Of its path only which part it is."""
    part = request.path_info.split("/")[1:2]
    row = RefusedAttempt(
        at=now,
        address=str(address) if address else None,
        country=client_country(request) or countries.of(address),
        outcome=error.http_status,
        reason=(str(error) if isinstance(error, SILENT) else error.code)[:40],
        path=f"/{part[0]}/…" if part and part[0] in PARTS else "/…",
        request_id=getattr(request, "request_id", ""),
        ms=0,
        size=0,
    )
    _buffer.add(_Entry(row, tradingview=False))
    _start_writer()


def _detail(error: TradeOpsError, token: str) -> str:
    if isinstance(error, SILENT):
        return ""
    field = f"{error.field}: " if isinstance(error, InvalidPayload) and error.field else ""
    text = field + str(error)
    return (text.replace(token, logs.MASK) if token else text)[:200]


def _path(arrival: Arrival, slug: str) -> str:
    """A slug that is no source's may be a token in the wrong place, so it is not written down."""
    if not arrival.slug:
        return "/webhook"
    if not slug and arrival.slug in RESERVED_SLUGS:
        return f"/webhook/{arrival.slug}"
    return f"/webhook/{slug or '…'}{'/…' if arrival.url_token else ''}"[:80]


def _from_tradingview(arrival: Arrival) -> bool:
    try:
        return directory.kept().is_tradingview(arrival.address)
    except DatabaseError:
        return False


def flush(limit: int | None = None) -> None:
    """Writes what waits, or its first `limit` rows, and tells of it. On a database error it goes on waiting."""
    entries = _buffer.take(MAX_ENTRIES * 2 if limit is None else limit)
    if not entries:
        return
    try:
        with transaction.atomic():
            RefusedAttempt.objects.bulk_create([entry.row for entry in entries])
    except DatabaseError as error:
        logger.warning("refusals are not written yet: the database does not answer", error=str(error))
        for entry in entries:
            entry.row.pk = None
            _buffer.add(entry)
        return
    with transaction.atomic():
        for event in _events(entries, now=clock.now()):
            events.publish(event)


def discard() -> None:
    """Forgets what waits to be written."""
    _buffer.entries.clear()


def _events(entries: Iterable[_Entry], *, now: datetime) -> Iterable[Event]:
    for entry in entries:
        row = entry.row
        if not row.source_slug and not entry.tradingview:
            continue
        limited = row.outcome == 503 and row.reason == "rate_limited"
        name = "source.limited" if limited else "source.refused"
        if not _first_this_minute(f"{name}:{row.source_slug}:{row.reason}"):
            continue
        who = f"source {row.source_slug}" if row.source_slug else "a TradingView address"
        what = "is over its limit and was told to send again" if limited else f"was refused: {row.reason}"
        yield Event(
            name=name,
            at=now,
            level=Level.CRITICAL if limited else Level.WARNING,
            title=f"A request of {who} {what}" + (f" ({row.detail})" if row.detail and not limited else ""),
            request_id=row.request_id,
            body={
                "source": row.source_slug,
                "address": row.address,
                "outcome": row.outcome,
                "reason": row.reason,
                "times": row.times,
            },
        )


def _first_this_minute(what: str) -> bool:
    """Over all processes that share the limits' store; where it does not answer, better told twice than never."""
    try:
        return caches["limits"].add(what, 1, NOTIFY_EVERY_SECONDS)
    except Exception:
        logger.exception("the limits' store does not answer; the notification goes out uncapped")
        return True


def _start_writer() -> None:
    """Threads do not survive a fork, so the first refusal of each process starts its own."""
    if _buffer.writer_pid == os.getpid() or not settings.REQUEST_LOG_WRITER:
        return
    with _buffer.lock:
        if _buffer.writer_pid == os.getpid():
            return
        _buffer.writer_pid = os.getpid()
    atexit.register(flush)
    threading.Thread(target=_write_for_ever, name="request-log", daemon=True).start()


def _write_for_ever() -> None:
    allowance, then = float(ROWS_AT_ONCE), time.monotonic()
    while True:
        time.sleep(1)
        now = time.monotonic()
        allowance, then = min(ROWS_AT_ONCE, allowance + (now - then) * ROWS_A_SECOND), now
        waiting = len(_buffer.entries)
        if not waiting:
            continue
        try:
            flush(limit=int(allowance))
        except Exception:  # the thread must outlive whatever a listener raises
            logger.exception("refusals could not be told")
        finally:
            connection.close()
        allowance -= max(0, min(waiting, int(allowance)))
