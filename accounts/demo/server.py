"""HTTP in front of the venue, on loopback: who asks, what goes wrong, what is answered."""

from __future__ import annotations

import asyncio
import json
import socket
import struct
from collections.abc import Callable
from typing import Any

from aiohttp import web

from . import access, control, triggers
from .books import Books
from .calls import Call
from .faults import Fault
from .routes import PATHS, PRIVATE, PUBLIC
from .venue import Venue
from .wire import Refusal, refusal

HOST = "127.0.0.1"
NGINX = "<html><head><title>502 Bad Gateway</title></head><body><center><h1>502 Bad Gateway</h1></center></body></html>"
Answer = tuple[int, dict[str, Any]]


class Server:
    def __init__(self, venue: Venue, *, write: Callable[[str], None] = lambda text: None) -> None:
        self._venue = venue
        self._write = write
        triggers.attach(venue)

    def application(self) -> web.Application:
        application = web.Application(client_max_size=1024 * 1024)
        application.router.add_get("/_venue/{verb}", self._control)
        application.router.add_post("/_venue/{verb}", self._control)
        application.router.add_route("*", "/{path:.*}", self._handle)
        return application

    async def _control(self, request: web.Request) -> web.Response:
        """GET with a query, POST with a JSON object: the arguments of the verb."""
        verb = control.VERBS.get(request.match_info["verb"])
        if verb is None:
            return web.json_response({"error": f"there are {', '.join(control.VERBS)}"}, status=404)
        arguments: dict[str, Any] = dict(request.query)
        if request.method == "POST":
            arguments = json.loads(await request.read() or b"{}")
        elif "since" in arguments:
            arguments["since"] = int(arguments["since"])
        try:
            return web.json_response(verb(self._venue, **arguments))
        except (Refusal, ValueError, TypeError, KeyError, ArithmeticError) as error:
            return web.json_response({"error": f"{type(error).__name__}: {error}"}, status=400)

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        body = (await request.read()).decode("utf-8", "replace")
        call = f"{request.method} {request.path}"
        known = self._venue.by_key(request.headers.get("OK-ACCESS-KEY", ""))
        faults = self._venue.faults.pick(call, known.name if known else "")
        early = await self._before(request, faults)
        if early is not None:
            self._note(call, known, body, {"code": "lost"}, faults)
            return early
        status, answer = self._answer(request, call, body, faults)
        self._note(call, known, body, answer, faults)
        lost = await self._after(request, faults)
        return lost or web.json_response(answer, status=status)

    async def _before(self, request: web.Request, faults: dict[str, Fault]) -> web.StreamResponse | None:
        """What happens to a request before the venue has taken any notice of it."""
        if "slow" in faults:
            await asyncio.sleep(faults["slow"].ms / 1000)
        if "reset_before_accept" in faults:
            return _reset(request)
        if "error_before_accept" in faults:
            return web.Response(
                text=NGINX, status=faults["error_before_accept"].status or 502, content_type="text/html"
            )
        if "answer" in faults:
            return _scripted(faults["answer"])
        return None

    async def _after(self, request: web.Request, faults: dict[str, Fault]) -> web.StreamResponse | None:
        """What happens to the answer of something that the venue did."""
        if "error_after_accept" in faults:
            return web.Response(text=NGINX, status=faults["error_after_accept"].status or 502, content_type="text/html")
        if "reset_after_send" in faults:
            return _reset(request)
        if "accept_then_timeout" in faults:
            await self._hang(request, faults["accept_then_timeout"].seconds or self._venue.faults.modes.hang_seconds)
            return _reset(request)
        return None

    async def _hang(self, request: web.Request, seconds: float) -> None:
        """Until the caller has had enough."""
        until = asyncio.get_running_loop().time() + seconds
        while asyncio.get_running_loop().time() < until:
            if request.transport is None or request.transport.is_closing():
                return
            await asyncio.sleep(0.05)

    def _answer(self, request: web.Request, call: str, body: str, faults: dict[str, Fault]) -> Answer:
        try:
            return 200, self._ask(request, call, body, faults)
        except Refusal as error:
            return error.status, refusal(error)

    def _ask(self, request: web.Request, call: str, body: str, faults: dict[str, Fault]) -> dict[str, Any]:
        if call in PUBLIC:
            nobody = Books(name="", key="", secret="", passphrase="")
            return PUBLIC[call](Call(venue=self._venue, books=nobody, query=dict(request.query)))
        if call not in PRIVATE:
            raise Refusal("50115" if request.path in PATHS else "50005")
        books = access.check(
            self._venue, request.headers, method=request.method, path=request.raw_path, body=body,
            address=request.remote or "",
        )  # fmt: skip
        if "reject" in faults:
            raise Refusal(faults["reject"].code)
        return PRIVATE[call](
            Call(
                venue=self._venue,
                books=books,
                query=dict(request.query),
                body=_json(request, body),
                expires=_expires(request.headers.get("expTime")),
                received=self._venue.now(),
                faults=faults,
            )
        )

    def _note(
        self, call: str, books: Books | None, body: str, answer: dict[str, Any], faults: dict[str, Fault]
    ) -> None:
        """For who counts requests: rates, retry storms, what was asked after what."""
        name = books.name if books else ""
        entry = {
            "at": self._venue.now(),
            "call": call,
            "account": name,
            "code": answer["code"],
            "faults": sorted(faults),
        }
        self._venue.requests.append(entry)
        items = [str(row.get("sCode") or "") for row in answer.get("data", []) if isinstance(row, dict)]
        if call.startswith("POST"):
            said = ", ".join([str(answer["code"]), *[item for item in items if item not in ("", "0")], *sorted(faults)])
            self._write(f"{name or 'somebody'}: {call} {body} → {said}")


def _json(request: web.Request, body: str) -> Any:
    if request.method == "GET":
        if body:
            raise Refusal("50002")
        return None
    if not body:
        raise Refusal("50000")
    if request.content_type != "application/json":
        raise Refusal("50006")
    try:
        return json.loads(body)
    except ValueError:
        raise Refusal("50002") from None


def _expires(header: str | None) -> float | None:
    """Milliseconds, as OKX wants them."""
    if header is None:
        return None
    if not (header.isdecimal() and len(header) == 13):
        raise Refusal("51000", "expTime")
    return int(header) / 1000


def _scripted(fault: Fault) -> web.Response:
    if fault.code == "429":
        headers = {"Retry-After": fault.retry_after} if fault.retry_after else {}
        return web.Response(text="Too Many Requests", status=429, headers=headers)
    error = Refusal(fault.code)
    headers = {"Retry-After": fault.retry_after} if fault.retry_after else {}
    return web.json_response(refusal(error), status=fault.status or error.status, headers=headers)


def _reset(request: web.Request) -> web.StreamResponse:
    """RST instead of an answer."""
    transport = request.transport
    if transport is not None:
        connection = transport.get_extra_info("socket")
        if connection is not None:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        transport.abort()
    return web.Response()


async def serve(
    venue: Venue, *, port: int, write: Callable[[str], None], ready: Callable[[int], None], stop: asyncio.Event
) -> None:
    """Until `stop`; `ready` gets the port that it listens on (0 takes a free one). Raises OSError."""
    loop = asyncio.get_running_loop()
    venue.later = loop.call_later
    runner = web.AppRunner(Server(venue, write=write).application(), access_log=None, shutdown_timeout=0.2)
    try:
        await runner.setup()
        site = web.TCPSite(runner, HOST, port)
        await site.start()
        ready(runner.addresses[0][1])
        await stop.wait()
    finally:
        await runner.cleanup()
        venue.ledger.close()
