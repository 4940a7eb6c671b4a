"""The layers of I4 after the body was read, in their order; the last is one transaction."""

from __future__ import annotations

from dataclasses import dataclass

from django.db import transaction
from django.db.models import F

from signals import receive
from signals.models import Signal, Source
from signals.receive import Alert
from signals.strategies import match
from tradeops.core.errors import InvalidPayload, NotAuthenticated
from tradeops.core.ids import uuid7

from . import dedup, limits, normalise, payload
from .arrival import Arrival
from .authenticate import authenticate, presented_token
from .payload import Message, Reading
from .sources import Sender, directory


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of an accepted message: a new signal, or the one it repeats."""

    signal_id: str
    routes: list[str]
    duplicate: bool


def accept(arrival: Arrival) -> Outcome:
    """Takes one message in. When this returns, it is committed.

    Raises Refused (401, 403, 429, 400) or Unavailable (a TradingView source over its limit), and lets the
    database's errors pass: in each case nothing was stored.
    """
    reading = payload.read(arrival.body)
    sender = _authenticated(arrival, reading)
    limits.charge_source(arrival=arrival, sender=sender, directory=directory())
    message, alert = _understood(reading, sender.row)
    return _stored(arrival=arrival, sender=sender, message=message, alert=alert)


def _authenticated(arrival: Arrival, reading: Reading) -> Sender:
    arrival.token = presented_token(arrival, reading.token)
    known = directory()
    try:
        return authenticate(arrival=arrival, directory=known)
    except NotAuthenticated:
        limits.charge_failure(arrival=arrival, directory=known)
        raise


def _understood(reading: Reading, source: Source) -> tuple[Message, Alert]:
    if reading.message is None:
        assert reading.error is not None
        raise reading.error
    alert = normalise.alert(reading.message.fields, require=source.require)
    if source.auth != Source.Auth.TOKEN and not (alert.sent_at or alert.sender_id):
        raise InvalidPayload(
            "is missing: a signed message must carry timestamp or id, else it could not be told from its copy",
            field="timestamp",
        )
    return reading.message, alert


def _stored(*, arrival: Arrival, sender: Sender, message: Message, alert: Alert) -> Outcome:
    source, now = sender.row, arrival.received_at
    routes = match.routes(source_id=source.pk, alert=alert, now=now)
    key, public_id = dedup.key(message=message, alert=alert), uuid7()
    expires_at = dedup.expiry(source=source, alert=alert, now=now)
    with transaction.atomic():
        if not dedup.claim(source_id=source.pk, key=key, public_id=public_id, expires_at=expires_at, now=now):
            return _repeated(dedup.original(source_id=source.pk, key=key))
        receive.store(
            source=source,
            alert=alert,
            raw=message.raw,
            routes=routes,
            request_id=arrival.request_id,
            address=str(arrival.address) if arrival.address else None,
            size=len(arrival.body),
            received_at=now,
            public_id=public_id,
        )
    return Outcome(signal_id=public_id, routes=routes, duplicate=False)


def _repeated(public_id: str) -> Outcome:
    signal = Signal.objects.filter(public_id=public_id)
    signal.update(repeats=F("repeats") + 1)
    return Outcome(signal_id=public_id, routes=signal.values_list("routes", flat=True).get(), duplicate=True)
