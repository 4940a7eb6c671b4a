"""The ways in which hostile bodies come."""

from __future__ import annotations

import itertools
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence

from benchmarks.faults import raw

MEGABYTES = 50
PATH = "/webhook/tv"

Attack = Callable[[], Counter[int]]


def attacks_on(port: int, token: str, bodies: Sequence[bytes], *, slow: int, seconds: float) -> dict[str, Attack]:
    """Name → what runs it for `seconds` and counts the answers by status (0: closed, or left, without one)."""
    known = f"X-Webhook-Token: {token}"
    announced = raw.head(PATH, port, known, f"Content-Length: {MEGABYTES * 1024 * 1024}")
    in_chunks = raw.head(PATH, port, known, "Transfer-Encoding: chunked")
    body = raw.head(PATH, port, known, "Content-Length: 60000") + b'{"symbol":'
    head = f"POST {PATH} HTTP/1.1\r\nHost: {raw.HOST}\r\nX-Slow: ".encode()

    def until_the_end(answers: Iterator[int]) -> Attack:
        def run() -> Counter[int]:
            end = time.monotonic() + seconds
            return Counter(itertools.takewhile(lambda _: time.monotonic() < end, answers))

        return run

    return {
        "hostile JSON": until_the_end(_corpus(port, known, bodies)),
        f"{MEGABYTES} MB announced": until_the_end(_huge(port, announced, raw.megabytes)),
        f"{MEGABYTES} MB in chunks": until_the_end(_huge(port, in_chunks, lambda n: raw.chunked(raw.megabytes(n)))),
        f"{slow} slow bodies": lambda: _slowly(raw.Slow(port, raw.SLOW_BODIES, body, slow), seconds),
        f"{slow} slow heads": lambda: _slowly(raw.Slow(port, raw.SLOW_HEADS, head, slow), seconds),
    }


def _corpus(port: int, known: str, bodies: Sequence[bytes]) -> Iterator[int]:
    for body in itertools.cycle(bodies):
        lines = (known, "Connection: close", f"Content-Length: {len(body)}")
        yield raw.post(port, raw.HOST, raw.head(PATH, port, *lines), [body])


def _huge(port: int, head: bytes, pieces: Callable[[int], Iterator[bytes]]) -> Iterator[int]:
    while True:
        yield raw.post(port, raw.HUGE, head, pieces(MEGABYTES))


def _slowly(slow: raw.Slow, seconds: float) -> Counter[int]:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        slow.drip()
        time.sleep(0.5)
    return Counter(slow.close())
