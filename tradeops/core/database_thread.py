"""The one database thread of an event loop: the loop itself never waits for a disk or a lock."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from django.db import Error, close_old_connections, connection

T = TypeVar("T")


class DatabaseThread:
    def __init__(self, name: str) -> None:
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix=name)

    async def run(self, work: Callable[[], T]) -> T:
        """`work()` in the thread. After a database error its connection is thrown away, and the error raised here."""
        return await asyncio.get_running_loop().run_in_executor(self._executor, self._call, work)

    @staticmethod
    def _call(work: Callable[[], T]) -> T:
        close_old_connections()
        try:
            return work()
        except Error:
            connection.close()
            raise

    def close(self) -> None:
        # Not `submit(connection.close)`: that would name the connection of the thread that asks.
        self._executor.submit(lambda: connection.close()).result()
        self._executor.shutdown()
