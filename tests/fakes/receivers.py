"""Real loopback servers that play the other side: receivers, a Telegram, and a listener that nobody may reach."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from tests.fakes import loops

HOST = "127.0.0.1"


@dataclass(frozen=True)
class Request:
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


def answer(status: int = 200, *, text: str = "ok", headers: dict[str, str] | None = None) -> Answer:
    async def give(request: web.Request) -> web.Response:
        return web.Response(status=status, text=text, headers=headers)

    return give


def hang(seconds: float = 30.0) -> Answer:
    """Takes the request and says nothing."""

    async def give(request: web.Request) -> web.Response:
        await asyncio.sleep(seconds)
        return web.Response()

    return give


def drip(status: int = 200) -> Answer:
    """Headers at once, then a byte now and then, without end."""

    async def give(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(status=status)
        await response.prepare(request)
        while True:
            await response.write(b".")
            await asyncio.sleep(0.05)

    return give


def oversized(size: int) -> Answer:
    async def give(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        sent = 0
        while sent < size:
            await response.write(b"x" * 65536)
            sent += 65536
        return response

    return give


def reset() -> Answer:
    """Takes the request and tears the connection down."""

    async def give(request: web.Request) -> web.Response:
        assert request.transport is not None
        request.transport.abort()
        return web.Response()

    return give


@dataclass
class Server:
    """Answers by `script`, one entry a request, then for ever by `default`. Requests are kept as they came.

    `GET /health` is another matter: it is answered by `health` and kept in `checks`.
    """

    default: Answer = field(default_factory=answer)
    script: list[Answer] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)
    health: Answer = field(default_factory=answer)
    checks: list[Request] = field(default_factory=list)
    in_flight: int = 0
    most_in_flight: int = 0
    port: int = 0

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}/webhook"

    def ids(self) -> list[str]:
        return [request.json["id"] for request in self.requests]

    def __enter__(self) -> Server:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._start(), self._loop).result(10)
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._stop(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    async def _stop(self) -> None:
        for site in list(self._runner.sites):
            await site.stop()
        server = self._runner.server
        assert server is not None
        for connection in server.connections:
            if connection.transport is not None:
                # Closed politely, it waits until its peer has read what is buffered: for ever, if that has gone.
                connection.transport.abort()
        await self._runner.cleanup()
        await self._cancel_rest()
        await loops.hang_up()

    @staticmethod
    async def _cancel_rest() -> None:
        """Handlers that hang whose client was killed outlive the server's own clean-up."""
        rest = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in rest:
            task.cancel()
        await asyncio.gather(*rest, return_exceptions=True)

    async def _start(self) -> None:
        application = web.Application(client_max_size=10 * 1024 * 1024)
        application.router.add_route("*", "/{path:.*}", self._handle)
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.05)
        await self._runner.setup()
        site = web.TCPSite(self._runner, HOST, self.port)
        await site.start()
        self.port = self._runner.addresses[0][1]

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        kept = Request(path=request.path, headers=dict(request.headers), body=body)
        if request.method == "GET" and request.path == "/health":
            self.checks.append(kept)
            return await self.health(request)
        self.requests.append(kept)
        give = self.script.pop(0) if self.script else self.default
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        try:
            return await give(request)
        finally:
            self.in_flight -= 1


class Canary:
    """Listens on every loopback address, IPv4 and IPv6, and counts connections: there must be none."""

    def __enter__(self) -> Canary:
        self.connections = 0
        self._sockets = [self._listen(socket.AF_INET, "0.0.0.0", 0)]
        self.port = self._sockets[0].getsockname()[1]
        if socket.has_ipv6:
            self._sockets.append(self._listen(socket.AF_INET6, "::1", self.port))
        self._threads = [threading.Thread(target=self._accept, args=(each,), daemon=True) for each in self._sockets]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        for each in self._sockets:
            each.shutdown(socket.SHUT_RDWR)
            each.close()
        for thread in self._threads:
            thread.join(5)

    @staticmethod
    def _listen(family: int, host: str, port: int) -> socket.socket:
        listener = socket.socket(family, socket.SOCK_STREAM)
        if family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listener.bind((host, port))
        listener.listen(16)
        return listener

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            self.connections += 1
            connection.close()


class Telegram(Server):
    """A Bot API that takes the configured token; `sent` are the messages it accepted."""

    def __init__(self, *, token: str) -> None:
        super().__init__()
        self._token = token
        self.sent: list[dict[str, str]] = []
        self.default = self._answer

    @property
    def api_url(self) -> str:
        return f"http://{HOST}:{self.port}"

    async def _answer(self, request: web.Request) -> web.Response:
        if request.path != f"/bot{self._token}/sendMessage":
            return refusal(401, "Unauthorized")
        form = await request.post()
        if form["chat_id"] == "missing":
            return refusal(400, "Bad Request: chat not found")
        self.sent.append({"chat_id": str(form["chat_id"]), "text": str(form["text"]), "mode": str(form["parse_mode"])})
        sent = {"message_id": len(self.sent), "date": 1, "chat": {"id": 1, "type": "private"}, "text": "x"}
        return web.json_response({"ok": True, "result": sent})


def refusal(status: int, description: str, **parameters: Any) -> web.Response:
    body: dict[str, Any] = {"ok": False, "error_code": status, "description": description}
    if parameters:
        body["parameters"] = parameters
    return web.json_response(body, status=status)


def refuse(status: int, description: str, **parameters: Any) -> Answer:
    async def give(request: web.Request) -> web.Response:
        return refusal(status, description, **parameters)

    return give
