"""The one thread of a web process that takes reports, and so has a database connection for them.

The threads in which webhooks come in have none (`intake.writer` says why). Where it does not run (commands, tests),
the caller does the work itself, by the same code.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as TooLate

from django.db import close_old_connections

from tradeops.core.errors import Unavailable

from .services import Taken

# An answer comes within 2 s even if the database hangs. What is stored after all is a DUPLICATE when it comes again.
PATIENCE_SECONDS = 1.7
_executor: ThreadPoolExecutor | None = None


def run(work: Callable[[], Taken]) -> Taken:
    """Raises what `work` raised, or Unavailable."""
    if _executor is None:
        return work()
    future = _executor.submit(_fresh, work)
    try:
        return future.result(timeout=PATIENCE_SECONDS)
    except TooLate:
        future.cancel()
        raise Unavailable("the database does not answer in time; send it again") from None


def _fresh(work: Callable[[], Taken]) -> Taken:
    close_old_connections()
    try:
        return work()
    finally:
        close_old_connections()


def start() -> None:
    """Once in each web process, after the fork."""
    global _executor
    _executor = ThreadPoolExecutor(1, thread_name_prefix="intake-report")
