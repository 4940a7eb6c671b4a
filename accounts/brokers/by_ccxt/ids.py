"""Our client order id in the form that an exchange takes, and back.

Ours is 32 characters `[a-z2-7]`: 20 bytes in base32. Most exchanges take it as it is. Gate wants `t-` and at most 28
characters more of `[0-9A-Za-z_.-]` (its API v4, "Create an order", `text`): the same 20 bytes are 27 in base64url, and
ccxt puts `t-` before what does not begin with a t; hence an o in front.
"""

from __future__ import annotations

import base64
import binascii
import re

PLAIN = "plain"
GATE = "gate"

_OURS = re.compile(r"[a-z2-7]{32}")
_GATE = re.compile(r"t-o([0-9A-Za-z_-]{27})")


def to_venue(client_order_id: str, form: str) -> str:
    """As ccxt is given it. Raises ValueError for an id that the form cannot hold without loss."""
    if form == PLAIN:
        return client_order_id
    if not _OURS.fullmatch(client_order_id):
        raise ValueError(f"{client_order_id!r} is not 32 characters of [a-z2-7]")
    raw = base64.b32decode(client_order_id.upper())
    return "o" + base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def from_venue(text: str | None, form: str) -> str:
    """Our id again; what is not ours comes back as it is, and nothing as the empty text."""
    if not text:
        return ""
    found = _GATE.fullmatch(text) if form == GATE else None
    if found is None:
        return text
    try:
        raw = base64.b64decode(found.group(1) + "=", altchars=b"-_", validate=True)
    except binascii.Error:
        return text
    return base64.b32encode(raw).decode().lower()
