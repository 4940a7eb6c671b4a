"""A receiver as an operator's VPS would run one: verifies the signature, takes each id once, and shows what came.

It keeps everything in memory and listens on loopback only: for the demo and for tests.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable
from typing import Any

from aiohttp import web

from tradeops.core import clock, signing

KEPT = 1000


class Receiver:
    """`secret` empty: signatures are not checked, and that is said in `signature`."""

    def __init__(self, *, name: str, secret: str, write: Callable[[str], None]) -> None:
        self._name = name
        self._secret = secret
        self._write = write
        self._accepted: set[str] = set()
        self._received: deque[dict[str, Any]] = deque(maxlen=KEPT)

    def application(self) -> web.Application:
        """POST anywhere; GET /health; GET /received?last=N (newest last)."""
        application = web.Application(client_max_size=1024 * 1024)
        application.router.add_get("/health", self._health)
        application.router.add_get("/received", self._show)
        application.router.add_post("/{path:.*}", self._receive)
        return application

    async def _health(self, request: web.Request) -> web.Response:
        return web.json_response({"status": "ok", "name": self._name, "accepted": len(self._accepted)})

    async def _show(self, request: web.Request) -> web.Response:
        last = request.query.get("last", "")
        rows = list(self._received)
        return web.json_response({"received": rows[-int(last) :] if last.isdecimal() and int(last) else rows})

    async def _receive(self, request: web.Request) -> web.Response:
        body = await request.read()
        signature = self._signature(request, body)
        if signature == "wrong":
            self._write(f"{self._name}: refused, the signature is wrong")
            return web.json_response({"status": "refused", "reason": "signature"}, status=401)
        try:
            message = json.loads(body)
            key, kind, symbol = str(message["id"]), str(message["type"]), str(message["data"].get("symbol", ""))
        except (ValueError, KeyError, TypeError, AttributeError):
            self._write(f"{self._name}: refused, not a message")
            return web.json_response({"status": "refused", "reason": "not a message"}, status=400)
        status = self._take(key, replay=message.get("replay") is True)
        self._received.append(
            {"at": clock.iso_ms(clock.now()), "status": status, "signature": signature, "message": message}
        )
        self._write(f"{self._name}: {status} {kind} {symbol} {key} (signature {signature})")
        return web.json_response({"status": status})

    def _take(self, key: str, *, replay: bool) -> str:
        """Sent at least once, taken once: a real bridge would place the order only for `accepted`."""
        if key in self._accepted:
            return "replayed" if replay else "duplicate"
        self._accepted.add(key)
        return "accepted"

    def _signature(self, request: web.Request, body: bytes) -> str:
        if not self._secret:
            return "not checked"
        given = request.headers.get("X-Webhook-Signature", "")
        return "valid" if signing.hex_signature_matches(self._secret, body, given) else "wrong"
