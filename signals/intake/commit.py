"""The last layers for the messages that are there at one moment: their sources' limits, duplicates, one commit.

A commit costs far more than a row, so those that wait for one share it (group commit). Each still has its own answer,
given after the commit.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from django.db import Error as DatabaseError
from django.db import InterfaceError, OperationalError, connection, transaction

from signals import receive
from signals.models import Signal
from signals.strategies import experiments, match
from tradeops.core import logs
from tradeops.core.ids import uuid7

from . import dedup, limits
from .dedup import Claim, Key
from .entry import Entry, Outcome
from .sources import directory

logger = logs.get(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Candidate:
    entry: Entry
    claim: Claim
    signal: Signal


def commit(entries: Sequence[Entry]) -> None:
    """Gives each entry its outcome or its error; when it returns, what was accepted is committed."""
    try:
        within = limits.charge_sources(entries, directory=directory.kept())
        _store([entry for entry in within if not _refused(entry)])
    except Exception as error:  # noqa: BLE001  (each waits in a thread of its own, which raises it)
        for entry in entries:
            if entry.error is None and entry.outcome is None:
                entry.error = error


def _refused(entry: Entry) -> bool:
    entry.error = entry.refusal
    return entry.error is not None


def _store(entries: Sequence[Entry]) -> None:
    if not entries:
        return
    try:
        _store_together(entries)
    except (OperationalError, InterfaceError):
        raise  # the database does not answer: nothing is stored
    except DatabaseError:
        if len(entries) == 1:
            raise
        logger.exception("a group of messages could not be stored; each is stored alone", messages=len(entries))
        for entry in entries:
            _store_alone(entry)


def _store_alone(entry: Entry) -> None:
    try:
        _store_together([entry])
    except DatabaseError as error:
        entry.error = error


def _store_together(entries: Sequence[Entry]) -> None:
    candidates = list(map(_candidate, entries))
    first: dict[Key, _Candidate] = {}
    for one in candidates:
        first.setdefault(one.claim.key, one)
    now = min(one.signal.received_at for one in candidates)
    with transaction.atomic():
        won = dedup.claim([one.claim for one in first.values()], now=now)
        repeated = [one for one in candidates if one.signal.public_id not in won]
        new = [one.signal for one in candidates if one.signal.public_id in won]
        for one in repeated:
            first[one.claim.key].signal.repeats += 1
        old = _repeats({key: one.signal.repeats for key, one in first.items() if one.signal.public_id not in won})
        receive.store(new)
    for one in candidates:
        original = first[one.claim.key].signal
        first_seen = old.get(one.claim.key, original)
        one.entry.outcome = Outcome(
            signal_id=first_seen.public_id,
            routes=first_seen.routes,
            variants=first_seen.variants,
            duplicate=one.signal.public_id not in won,
        )


def _candidate(entry: Entry) -> _Candidate:
    arrival, source, message, alert = entry.arrival, entry.sender.row, entry.message, entry.alert
    assert message is not None
    assert alert is not None
    now = arrival.received_at
    public_id, routes = uuid7(), match.routes(source_id=source.pk, alert=alert, now=now)
    signal = receive.new(
        public_id=public_id,
        source_id=source.pk,
        alert=alert,
        raw=message.raw,
        routes=routes,
        variants=experiments.variants(public_id, routes),
        request_id=arrival.request_id,
        address=str(arrival.address) if arrival.address else None,
        size=len(arrival.body),
        received_at=now,
    )
    claim = Claim(
        key=(source.pk, dedup.key(message=message, alert=alert)),
        public_id=signal.public_id,
        expires_at=dedup.expiry(source=source, alert=alert, now=now),
    )
    return _Candidate(entry=entry, claim=claim, signal=signal)


def _repeats(times: dict[Key, int]) -> dict[Key, Signal]:
    """Counts repeats of signals that are stored already: key → the original, as far as an answer needs it."""
    if not times:
        return {}
    originals = dedup.originals(times)
    counts = Counter[str]()
    for key, public_id in originals.items():
        counts[public_id] += times[key]
    rows = Signal.objects.filter(public_id__in=list(counts)).order_by("pk")
    if connection.vendor == "postgresql":
        rows = rows.select_for_update(no_key=True)  # in one order in all processes
    found: dict[str, Signal] = {}
    for row in rows.only("public_id", "routes", "variants", "repeats"):
        found[row.public_id] = row
        row.repeats += counts[row.public_id]
        row.save(update_fields=["repeats"])
    return {key: found[public_id] for key, public_id in originals.items()}
