"""Asking again: after what the portal says, or after longer and longer waits with a share of chance in them."""

from __future__ import annotations

import logging
import random
from collections.abc import Callable, Iterator
from typing import TypeVar

from .errors import BadAnswer, Busy, ClientError, Closed

T = TypeVar("T")
Pause = Callable[[float], None]

FIRST, LONGEST = 0.5, 30.0
MOST_BAD_ANSWERS = 10  # then it is no passing trouble: something else stands at that address

logger = logging.getLogger("tradeops.client")


def until_answered(ask: Callable[[], T], pause: Pause) -> T:
    """What `ask` gives, however often it has to be asked. Raises what will not pass."""
    tries = bad = 0
    while True:
        try:
            return ask()
        except ClientError as error:
            bad += isinstance(error, BadAnswer)
            if not error.passing or bad >= MOST_BAD_ANSWERS:
                raise
            told = error.retry_after if isinstance(error, Busy) else None
            wait = _backoff(tries) if told is None else told
            logger.warning("%s Asking again in %.1f s.", error, wait)
        tries += 1
        pause(wait)


def until_closed(source: Iterator[T]) -> Iterator[T]:
    """What comes from `source`, until the client is closed."""
    try:
        yield from source
    except Closed:
        return


def _backoff(tries: int) -> float:
    most: float = min(LONGEST, FIRST * 2 ** min(tries, 10))
    return most * random.uniform(0.5, 1)  # noqa: S311  # so that not all come back at once
