"""The layers of I4 in their order; `commit` has the last ones."""

from __future__ import annotations

from functools import partial

from accounts import firewall
from signals.models import Source
from signals.receive import Alert
from tradeops.core.errors import InvalidPayload, NotAuthenticated

from . import body, limits, normalise, payload, writer
from .address import client_country
from .arrival import Arrival
from .authenticate import authenticate, presented_token
from .entry import Entry, Outcome
from .payload import Message, Reading
from .sources import Directory, Sender, directory


def accept(arrival: Arrival) -> Outcome:
    """Takes one message in. When this returns, it is committed.

    Raises Refused (413, 403, 429, 401, 400) or Unavailable (a TradingView source over its limit), and lets the
    database's errors pass: in each case nothing was stored.
    """
    let_in(arrival)
    reading = payload.read(arrival.body)
    entry = Entry(arrival=arrival, sender=_authenticated(arrival, reading))
    try:
        entry.message, entry.alert = _understood(reading, entry.sender.row, signed_id=arrival.signed_id)
    except InvalidPayload as error:
        entry.refusal = error  # told after the source's limit was charged
    return writer.take(entry)


def let_in(arrival: Arrival) -> None:
    """The first layers, the same for whatever is posted: size, firewall, and then the body. Raises Refused."""
    body.check_length(arrival)
    country = partial(client_country, arrival.request)
    firewall.check(address=arrival.address, country=country, now=arrival.received_at)
    arrival.body = body.read(arrival)


def charge(arrival: Arrival, error: NotAuthenticated, *, known: Directory) -> None:
    """A failed authentication counts against its address. Raises Throttled.

    What is over its limit is turned away unheard and brings no ban nearer: a burst of guesses is the limit's affair.
    """
    limits.charge_failure(arrival=arrival, directory=known)
    firewall.charge(
        address=arrival.address,
        reason=f"webhook: {error}",
        now=arrival.received_at,
        exempt=known.is_tradingview(arrival.address),
    )


def _authenticated(arrival: Arrival, reading: Reading) -> Sender:
    arrival.token = presented_token(arrival, reading.token)
    known = directory.kept()
    try:
        return authenticate(arrival=arrival, directory=known)
    except NotAuthenticated as error:
        charge(arrival, error, known=known)
        raise


def _understood(reading: Reading, source: Source, *, signed_id: str) -> tuple[Message, Alert]:
    if reading.message is None:
        assert reading.error is not None
        raise reading.error
    alert = normalise.alert(reading.message.fields, require=source.require, signed_id=signed_id)
    if source.auth != Source.Auth.TOKEN and not (alert.sent_at or alert.sender_id):
        raise InvalidPayload(
            "is missing: a signed message must carry timestamp or id, else it could not be told from its copy",
            field="timestamp",
        )
    return reading.message, alert
