"""Who asks: key, passphrase, address, environment, clock and signature (docs-v5, "REST Authentication")."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Mapping
from datetime import datetime

from .books import Books
from .venue import Venue
from .wire import Refusal

SKEW_SECONDS = 30
TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z\Z")
HEADERS = (
    ("OK-ACCESS-KEY", "50103"),
    ("OK-ACCESS-SIGN", "50106"),
    ("OK-ACCESS-TIMESTAMP", "50107"),
    ("OK-ACCESS-PASSPHRASE", "50104"),
)


def sign(secret: str, *, timestamp: str, method: str, path: str, body: str) -> str:
    """Base64 of HMAC-SHA256 over timestamp + METHOD + path?query + body."""
    signed = f"{timestamp}{method}{path}{body}".encode()
    return base64.b64encode(hmac.new(secret.encode(), signed, hashlib.sha256).digest()).decode()


def check(venue: Venue, headers: Mapping[str, str], *, method: str, path: str, body: str, address: str) -> Books:
    """The account that the key belongs to; `path` is with its query, as it was sent. Raises Refusal."""
    for header, code in HEADERS:
        if not headers.get(header):
            raise Refusal(code)
    books = venue.by_key(headers["OK-ACCESS-KEY"])
    if books is None:
        raise Refusal("50111")
    _check_clock(venue, headers["OK-ACCESS-TIMESTAMP"])
    expected = sign(books.secret, timestamp=headers["OK-ACCESS-TIMESTAMP"], method=method, path=path, body=body)
    if not hmac.compare_digest(expected, headers["OK-ACCESS-SIGN"]):
        raise Refusal("50113")
    if not hmac.compare_digest(books.passphrase.encode(), headers["OK-ACCESS-PASSPHRASE"].encode()):
        raise Refusal("50105")
    if books.simulated != (headers.get("x-simulated-trading", "0") == "1"):
        raise Refusal("50101")
    if books.addresses and address not in books.addresses:
        raise Refusal("50110", address)
    return books


def _check_clock(venue: Venue, timestamp: str) -> None:
    """ISO 8601 in UTC with milliseconds, at most 30 s away from the venue's own clock."""
    if not TIMESTAMP.match(timestamp):
        raise Refusal("50112")
    try:
        at = datetime.fromisoformat(timestamp)
    except ValueError:
        raise Refusal("50112") from None
    if abs(at.timestamp() - venue.now()) > SKEW_SECONDS:
        raise Refusal("50102")
