"""The last look before the bytes of an order leave: what held when it was claimed may not hold any more (D5).

It is taken on an open connection, so that nothing slow comes between it and the venue: not the venue's limit, not a
question for its clock, not a handshake. A look is good for `FRESH_SECONDS`; a send that has taken longer looks again.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection

from tradeops.core import failpoints

FRESH_SECONDS = 0.1


@dataclass
class _Looked:
    check: Callable[[], None]
    at: float  # by the monotonic clock


_looked: ContextVar[_Looked | None] = ContextVar("looked", default=None)
_places: ContextVar[bool] = ContextVar("places", default=False)


@contextmanager
def guarded(check: Callable[[], None], *, age: float = 0.0) -> Iterator[None]:
    """An order that is sent in here has been looked at `age` seconds ago. `check` looks again, and raises
    BrokerTemporary where it must not leave."""
    token = _looked.set(_Looked(check, time.monotonic() - age))
    try:
        yield
    finally:
        _looked.reset(token)


@contextmanager
def placing(is_order: bool = True) -> Iterator[None]:
    """The requests in here place an order. What follows one is outside: an error there would say that it never left."""
    token = _places.set(is_order)
    try:
        yield
    finally:
        _places.reset(token)


def look() -> None:
    """Raises what the check raises, if the last look is too old."""
    last = _looked.get()
    if last is not None and time.monotonic() - last.at > FRESH_SECONDS:
        last.check()
        last.at = time.monotonic()


class _Looks:
    """A connection that looks between its handshake and an order's first byte."""

    def request(self, *args: Any, **options: Any) -> None:
        connection: Any = self
        if _places.get():
            if connection.is_closed:
                connection.connect()
            look()
            failpoints.reached("broker.after_last_check")
        super().request(*args, **options)  # type: ignore[misc]


class _Connection(_Looks, HTTPConnection):
    pass


class _SecureConnection(_Looks, HTTPSConnection):
    pass


class Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class SecurePool(HTTPSConnectionPool):
    ConnectionCls = _SecureConnection


class Adapter(HTTPAdapter):
    """The same below `requests`, without retries."""

    def __init__(self) -> None:
        super().__init__(pool_connections=4, pool_maxsize=16, max_retries=0)

    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        super().init_poolmanager(*args, **options)
        self.poolmanager.pool_classes_by_scheme = {"http": Pool, "https": SecurePool}
