"""The message on the wire (L2): its exact bytes, and the headers that sign them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from tradeops.core import clock, signing

from .parcel import Held, Letter, Parcel

# The receiver's own headers may not speak for the portal, nor change how the message is framed.
RESERVED = frozenset(
    {
        *("x-webhook-signature", "webhook-id", "webhook-timestamp", "webhook-signature", "x-request-id"),
        *("user-agent", "content-type", "content-length", "content-encoding", "accept-encoding"),
        *("connection", "expect", "host", "te", "trailer", "transfer-encoding", "upgrade"),
    }
)


def body(delivery: Held, *, symbols: Mapping[str, Any]) -> bytes:
    """`{"id", "type", "created_at", "replay", "dry_run", "data", "raw"}`; ASCII, so that any text can be encoded."""
    message = delivery.message
    data = message.body.get("data") or {}
    symbol = None
    if "symbol" in data or message.symbol:
        # Told under the sender's ticker or the portal's symbol, whichever the operator has mapped.
        told = data.get("symbol") or message.symbol
        symbol = symbols.get(told) or symbols.get(message.symbol) or told
    replay = delivery.replay_of_id is not None
    if not isinstance(delivery, Parcel):
        return _write(delivery, data=data, symbol=symbol, replay=replay)
    letter: Letter = delivery.message
    same = (delivery.subject, delivery.type, replay, delivery.dry_run, symbol)
    if same not in letter.written:
        letter.written[same] = _write(delivery, data=data, symbol=symbol, replay=replay)
    return letter.written[same]


def _write(delivery: Held, *, data: Mapping[str, Any], symbol: str | None, replay: bool) -> bytes:
    message = delivery.message
    envelope = {
        "id": delivery.subject,
        "type": delivery.type,
        "created_at": clock.iso_ms(message.created_at),
        "replay": replay,
        "dry_run": delivery.dry_run,
        "data": {**data, "symbol": symbol} if symbol is not None else data,
        "raw": message.body.get("raw"),
    }
    return json.dumps(envelope, separators=(",", ":"), allow_nan=False).encode("ascii")


def headers(delivery: Held, *, body: bytes, secret: str, custom: Mapping[str, Any], now: datetime) -> dict[str, str]:
    allowed = {name: str(value) for name, value in custom.items() if name.strip().lower() not in RESERVED}
    return {
        **allowed,
        **signing.webhook_headers(secret, message_id=delivery.subject, body=body, now=now),
        **_FIXED,
        "X-Request-ID": delivery.message.request_id,
    }


_FIXED = {
    "Content-Type": "application/json",
    "User-Agent": "TradeOps",
    "Accept-Encoding": "identity",  # nothing to unpack: what is read is what was sent
}
