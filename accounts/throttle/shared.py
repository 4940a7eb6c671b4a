"""Waiting for a place: what the adapters call before each request (`accounts.brokers.base.Throttle`)."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterable
from operator import itemgetter

from accounts.brokers.base import BrokerTemporary

from .limit import MARGIN, Limit, Place
from .store import Taken, store
from .table import Table, line

LONGEST_WAIT = 5.0
SOON = 0.0001  # not worth a sleep


class Unlimited:
    """For brokers without a network: nothing to wait for."""

    def wait(self, *keys: str) -> None:
        pass

    def done(self) -> None:
        pass

    def hold(self, *keys: str, seconds: float) -> None:
        pass


class _Last(threading.local):
    """The place that this thread uses now, and since when."""

    places: tuple[Place, ...] = ()
    at = 0.0
    since = 0.0


class Shared:
    """The limits of one account. `address` is the venue's, for what it counts by where we call from; `owner` the key's.

    Keys are `kind` or `kind:detail`; one that is repeated takes as many places.
    """

    def __init__(self, *, limits: Table, address: str, owner: str) -> None:
        self._limits = limits
        self._address = address
        self._owner = owner
        self._last = _Last()

    def wait(self, *keys: str) -> None:
        places = self._places(keys)
        since = time.monotonic()
        taken = store().take(places, longest=LONGEST_WAIT)
        left = LONGEST_WAIT - taken.wait
        if left < 0:
            raise BrokerTemporary(
                f"the venue's limit for {keys[0]} is used up for {taken.wait:.1f} s",
                code="rate_limited",
                retry_after=taken.wait,
            )
        while taken.wait > SOON:
            time.sleep(taken.wait)
            since = time.monotonic()
            taken = self._again(places, taken, left=left, key=keys[0])
            left -= taken.wait
        self._last.places, self._last.at, self._last.since = tuple(places), taken.at, since

    def _again(self, places: list[Place], before: Taken, *, left: float, key: str) -> Taken:
        taken = store().again(places, at=before.at)
        if taken.wait > left:
            raise BrokerTemporary(
                f"the venue is slower than its limit for {key}", code="rate_limited", retry_after=taken.wait
            )
        return taken

    def done(self) -> None:
        last = self._last
        if last.places and time.monotonic() - last.since > MARGIN:
            store().used(last.places, at=last.at)
        last.places = ()

    def hold(self, *keys: str, seconds: float) -> None:
        store().hold([place.name for place in self._places(keys)], seconds=seconds)

    def _places(self, keys: Iterable[str]) -> list[Place]:
        """One for each limit, in the order of their names, in which every process locks them."""
        costs: dict[str, tuple[Limit, int]] = {}
        for key, times in Counter(keys).items():
            counted, limit = line(self._limits, key)
            whose = "" if limit.public else self._owner
            name = f"{self._address}|{whose}|{counted}"
            costs[name] = limit, max(times, costs[name][1] if name in costs else 0)
        return [limit.bound.place(name, cost) for name, (limit, cost) in sorted(costs.items(), key=itemgetter(0))]
