"""What the tests of the OKX adapter share: a broker on the venue, and a tap that shows what it really sent."""

from __future__ import annotations

import http.client
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from accounts.brokers.base import Access, OrderRequest
from accounts.brokers.okx import OkxBroker
from tests.fakes.venue import RunningVenue
from tradeops.core.money import OrderType, Side

ID = "aeaqcaibaeaqcaibaeaqcaibaeaqcaib"  # as the portal makes them: 20 bytes in base32
SPOT, SWAP, FUTURE = "BTC/USDT", "BTC/USDT:USDT", "BTC/USDT:USDT-351228"


def now() -> datetime:
    return datetime.now(UTC)


class Throttle:
    """Lets everything pass and remembers under which keys."""

    def __init__(self) -> None:
        self.waited: list[tuple[str, ...]] = []
        self.held: list[tuple[tuple[str, ...], float]] = []

    def wait(self, *keys: str) -> None:
        self.waited.append(keys)

    def done(self) -> None:
        pass

    def hold(self, *keys: str, seconds: float) -> None:
        self.held.append((keys, seconds))


@dataclass
class Seen:
    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str] = field(repr=False)
    body: Any = None


class Tap:
    """A forwarding server: what passes is kept as it was."""

    def __init__(self, target: str) -> None:
        self.seen: list[Seen] = []
        self._target = urlsplit(target).netloc
        tap = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _forward(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                tap._note(self.command, self.path, dict(self.headers), body)
                onward = http.client.HTTPConnection(tap._target, timeout=30)
                try:
                    onward.request(self.command, self.path, body=body or None, headers=dict(self.headers))
                    answer = onward.getresponse()
                    content = answer.read()
                finally:
                    onward.close()
                self.send_response(answer.status)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_POST = _forward  # noqa: N815

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def _note(self, method: str, path: str, headers: dict[str, str], body: bytes) -> None:
        parts = urlsplit(path)
        content = json.loads(body) if body else None
        self.seen.append(Seen(method, parts.path, dict(parse_qsl(parts.query)), headers, content))

    def sent(self, path: str) -> list[Seen]:
        return [seen for seen in self.seen if seen.path == f"/api/v5{path}"]

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@contextmanager
def tapped(venue: RunningVenue) -> Iterator[Tap]:
    tap = Tap(venue.url)
    try:
        yield tap
    finally:
        tap.close()


def broker(
    venue: RunningVenue, market: str = "spot", *, url: str = "", kind: type[OkxBroker] = OkxBroker, **facts: Any
):
    given = {"credentials": venue.credentials, "sandbox": True, "throttle": Throttle(), **facts}
    return kind(Access(account_id=1, slug="main", broker="okx", market=market, base_url=url or venue.url, **given))


def request(symbol: str = SPOT, side: Side = Side.BUY, quantity: str = "0.01", **facts: Any) -> OrderRequest:
    """A market order of `symbol` with five seconds to arrive."""
    market = "spot" if ":" not in symbol else "futures" if "-" in symbol else "swap"
    given = {
        "client_order_id": ID, "type": OrderType.MARKET, "closes": False,
        "send_expires_at": now() + timedelta(seconds=5), **facts,
    }  # fmt: skip
    return OrderRequest(**{"symbol": symbol, "market": market, "side": side, "quantity": Decimal(quantity)} | given)


class Stub:
    """A server that answers what it is told, in order, or by path, and counts: for answers that the venue does not
    give. `rows` are what «data» holds, by path after /api/v5."""

    def __init__(
        self, *answers: tuple[int, bytes] | tuple[int, bytes, dict[str, str]], rows: dict[str, list] | None = None
    ) -> None:
        self.requests: list[str] = []
        left = list(answers)
        known = rows or {}
        stub = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _answer(self) -> None:
                self.rfile.read(int(self.headers.get("Content-Length") or 0))
                stub.requests.append(f"{self.command} {self.path}")
                path = urlsplit(self.path).path.removeprefix("/api/v5")
                if path in known:
                    left[:] = [(200, json.dumps({"code": "0", "msg": "", "data": known[path]}).encode())]
                status, body, headers = (*(left.pop(0) if len(left) > 1 else left[0]), {})[:3]
                self.send_response(status)
                for name, value in {"Content-Length": str(len(body)), **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            do_GET = do_POST = _answer  # noqa: N815

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def __enter__(self) -> Stub:
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
