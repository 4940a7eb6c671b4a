"""Between ccxt and the network: our limits before each request, a last look before an order leaves, and what came back.

ccxt builds and signs requests; it must not throttle (that is shared by all processes), retry, follow redirects, use a
proxy from the environment, log keys, or read amounts as binary floats. What is under way is kept per thread, since
an instance serves several.
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import requests

from accounts.brokers import last_look
from accounts.brokers.base import BrokerRejected, BrokerTemporary, Rejection, Throttle
from tradeops.core import clock

from . import library

CONNECT_SECONDS = 2.0
READ_SECONDS = 10.0

_silent = logging.Logger("accounts.brokers.by_ccxt.silent", level=logging.CRITICAL + 1)


@dataclass
class Call:
    """One question to the venue, in as many requests as ccxt needs; kept for whoever judges its failure."""

    keys: tuple[str, ...]
    must_carry: str = ""  # an order's id: no request that changes something leaves without it
    expires_at: datetime | None = None
    expiry: str = ""  # the parameter that tells the venue so, in milliseconds
    sent: bool = False  # a request that changes something was handed to the network
    status: int | None = None
    headers: dict[str, str] = field(default_factory=dict)
    body: str = ""


class NotSafe(BrokerRejected):
    """The order was stopped here: the venue would not know our id."""

    code = Rejection.UNSUPPORTED


class Wire:
    """The calls of one account, by thread."""

    def __init__(self, throttle: Throttle) -> None:
        self._throttle = throttle
        self._local = threading.local()

    @contextmanager
    def call(self, call: Call) -> Iterator[Call]:
        """Requests of this thread belong to `call` meanwhile."""
        before = getattr(self._local, "call", None)
        self._local.call = call
        try:
            yield call
        finally:
            self._local.call = before

    @property
    def current(self) -> Call:
        return getattr(self._local, "call", None) or Call(("call",))

    def wait(self, cost: float | None) -> None:
        """A request of weight 3 takes three places."""
        times = max(1, round(float(cost or 1)))
        self._throttle.wait(*(key for key in self.current.keys for _ in range(times)))

    def done(self) -> None:
        """The request that was waited for is through."""
        self._throttle.done()

    def hold(self, seconds: float) -> None:
        self._throttle.hold(*self.current.keys, seconds=seconds)

    def bounded(self, method: str, params: dict[str, Any]) -> dict[str, Any]:
        """Tells a venue that has such a parameter when the order is too late; at the time of signing, not before."""
        call = self.current
        if method == "GET" or not call.expiry or call.expires_at is None:
            return params
        left = int((call.expires_at - clock.now()).total_seconds() * 1000)
        return {**params, call.expiry: max(1, left)}

    def leaving(self, method: str, url: str, body: object) -> None:
        """The last look before the bytes go. Raises BrokerTemporary for an order that is too late."""
        call = self.current
        call.status, call.headers, call.body = None, {}, ""
        if method == "GET":
            return
        if call.must_carry:
            if call.must_carry not in f"{url} {body}":
                raise NotSafe("ccxt would send this order without our id; this kind of order is not possible here")
            _check_expiry(call)
        call.sent = True


def _check_expiry(call: Call) -> None:
    if call.expires_at is not None and clock.now() >= call.expires_at:
        raise BrokerTemporary("the order was not sent: its time was over before it could be", code="expired_unsent")


class Session(requests.Session):
    """A pool of connections that follows no redirect (a 307 would send an order on) and reads no environment."""

    def __init__(self, wire: Wire) -> None:
        super().__init__()
        self.trust_env = False
        self._wire = wire
        for prefix in ("https://", "http://"):
            self.mount(prefix, last_look.Adapter())

    def request(self, method: str | bytes, url: str | bytes, *args: Any, **kwargs: Any) -> requests.Response:
        kwargs["allow_redirects"] = False
        kwargs["timeout"] = (CONNECT_SECONDS, self._read_seconds())
        response = super().request(method, url, *args, **kwargs)
        if response.is_redirect:
            raise requests.TooManyRedirects("the venue answered with a redirect, which is never followed")
        return response

    def _read_seconds(self) -> float:
        expires_at = self._wire.current.expires_at
        if expires_at is None:
            return READ_SECONDS
        return min(READ_SECONDS, max(1.0, (expires_at - clock.now()).total_seconds()))


def _is_nothing(method: str, answer: str) -> bool:
    """Some venues answer a cancel with nothing at all."""
    return method == "DELETE" and not answer


def _loads(text: str) -> Any:
    """Fractions stay the text that the venue wrote."""
    return json.loads(text, parse_float=str)


def guarded(exchange_class: Any) -> Callable[..., Any]:
    """ccxt's class with its ways to the network led through a Wire: `guarded(ccxt.bybit)(wire, config)`."""

    class Guarded(exchange_class):
        on_json_response = staticmethod(_loads)

        def __init__(self, wire: Wire, config: dict[str, Any]) -> None:
            self.wire = wire
            super().__init__({**config, "number": str, "enableRateLimit": True, "session": Session(wire)})
            self.logger = _silent
            self.number = str

        def throttle(self, cost: float | None = None) -> None:
            self.wire.wait(cost)

        def sign(self, path: str, api: Any = "public", method: str = "GET", params: Any = None, *more: Any) -> Any:
            return super().sign(path, api, method, self.wire.bounded(method, params or {}), *more)

        def fetch(self, url: str, method: str = "GET", headers: Any = None, body: Any = None) -> Any:
            self.wire.leaving(method, url, body)
            try:
                with last_look.placing(method != "GET" and bool(self.wire.current.must_carry)):
                    answer = super().fetch(url, method, headers, body)
            finally:
                self.wire.done()
            # A page instead of JSON: ccxt would read "no such order" out of it.
            if (
                isinstance(answer, str)
                and not self.wire.current.body.startswith('"')
                and not _is_nothing(method, answer)
            ):
                raise library.ccxt().BadResponse("not JSON")
            return answer

        def on_rest_response(self, code: int, *args: Any) -> Any:
            text = super().on_rest_response(code, *args)
            call = self.wire.current
            call.status, call.headers, call.body = code, dict(args[3]), text
            return text

        def sleep(self, milliseconds: float) -> None:
            """Nothing waits but our own limits."""

    Guarded.__name__ = Guarded.__qualname__ = exchange_class.__name__
    return Guarded
