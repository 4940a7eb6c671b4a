"""Where the places are kept: in Redis where there is one, else in PostgreSQL, else in a file beside the database."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol, TypeVar

from django.conf import settings
from django.core.cache import caches
from django.db import connection
from redis.exceptions import RedisError

from tradeops.core import logs
from tradeops.core.limits import RedisCounters

from .limit import Place

logger = logs.get(__name__)
T = TypeVar("T")


class Taken(NamedTuple):
    """`wait` in seconds from now; `at` by the store's clock."""

    wait: float
    at: float


class Store(Protocol):
    """`places` are in the order of their names, in which every process locks them; `at` is by the store's clock."""

    def take(self, places: Sequence[Place], *, longest: float) -> Taken:
        """Takes a place under all of these limits. One that is more than `longest` seconds away is not taken."""

    def again(self, places: Sequence[Place], *, at: float) -> Taken:
        """The place that was taken at `at`, now that it is time to use it: moved, if calls before it took longer."""

    def used(self, places: Sequence[Place], *, at: float) -> None:
        """The call is through: its place moves from `at` to now, at most by the window itself."""

    def hold(self, names: Sequence[str], *, seconds: float) -> None:
        """No place under these limits is nearer than that, from now on."""


class Sheltered:
    """Redis while it answers; else the places of this host alone: orders go on, and exits must (X6).

    What two hosts then send too much the venue refuses as temporary.
    """

    def __init__(self, shared: Store, own: Store) -> None:
        self._shared = shared
        self._own = own

    def take(self, places: Sequence[Place], *, longest: float) -> Taken:
        return self._ask(lambda store: store.take(places, longest=longest))

    def again(self, places: Sequence[Place], *, at: float) -> Taken:
        return self._ask(lambda store: store.again(places, at=at))

    def used(self, places: Sequence[Place], *, at: float) -> None:
        self._ask(lambda store: store.used(places, at=at))

    def hold(self, names: Sequence[str], *, seconds: float) -> None:
        self._own.hold(names, seconds=seconds)
        self._ask(lambda store: store.hold(names, seconds=seconds))

    def _ask(self, question: Callable[[Store], T]) -> T:
        try:
            return question(self._shared)
        except RedisError as error:
            logger.warning("Redis does not answer: limits are kept by this host alone", error=str(error))
            return question(self._own)


def store() -> Store:
    from .database import DatabaseStore
    from .file import FileStore
    from .redis import RedisStore

    own = FileStore(settings.ENV.data_dir / "throttle.sqlite3")
    counters = caches["limits"]
    if isinstance(counters, RedisCounters):
        return Sheltered(RedisStore(counters), own)
    return DatabaseStore() if connection.vendor == "postgresql" else own
