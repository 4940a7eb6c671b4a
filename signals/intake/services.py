"""The layers of I4 after the body was read, in their order; `commit` has the last ones."""

from __future__ import annotations

from signals.models import Source
from signals.receive import Alert
from tradeops.core.errors import InvalidPayload, NotAuthenticated

from . import limits, normalise, payload, writer
from .arrival import Arrival
from .authenticate import authenticate, presented_token
from .entry import Entry, Outcome
from .payload import Message, Reading
from .sources import Sender, directory


def accept(arrival: Arrival) -> Outcome:
    """Takes one message in. When this returns, it is committed.

    Raises Refused (401, 403, 429, 400) or Unavailable (a TradingView source over its limit), and lets the
    database's errors pass: in each case nothing was stored.
    """
    reading = payload.read(arrival.body)
    entry = Entry(arrival=arrival, sender=_authenticated(arrival, reading))
    try:
        entry.message, entry.alert = _understood(reading, entry.sender.row)
    except InvalidPayload as error:
        entry.refusal = error  # told after the source's limit was charged
    return writer.take(entry)


def _authenticated(arrival: Arrival, reading: Reading) -> Sender:
    arrival.token = presented_token(arrival, reading.token)
    known = directory.kept()
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
