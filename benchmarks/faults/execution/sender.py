"""Senders that never give up: the same message under the same id until it is acknowledged."""

from __future__ import annotations

import http.client
import itertools
import json
import threading
import time
from collections.abc import Callable
from typing import Any

from benchmarks.processes import Failed

THREADS = 8
PATIENCE_SECONDS = 120
ANSWER_SECONDS = 5


class Sender:
    """`body(n)` is message number n of `count`; `may_send` holds the next one back while it says no.

    `acknowledged` is number → signal id. Raises Failed when a message is refused or never acknowledged.
    """

    def __init__(
        self, port: int, path: str, body: Callable[[int], dict[str, Any]], *, count: int, may_send: Callable[[], bool]
    ) -> None:
        self._port, self._path, self._body = port, path, body
        self._may_send = may_send
        self._numbers = iter(range(count))
        self._lock = threading.Lock()
        self._problem = ""
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._run) for _ in range(THREADS)]
        self.acknowledged: dict[int, str] = {}
        self.again = 0  # how many posts had to be sent again

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    @property
    def done(self) -> bool:
        """Raises Failed."""
        if self._problem:
            raise Failed(self._problem)
        return not any(thread.is_alive() for thread in self._threads)

    def stop(self) -> None:
        """Whatever was not sent yet is not sent any more."""
        self._over.set()
        for thread in self._threads:
            thread.join()

    def _run(self) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=ANSWER_SECONDS)
        try:
            while not self._problem and not self._over.is_set():
                with self._lock:
                    number = next(self._numbers, None)
                if number is None:
                    return
                while not (self._may_send() or self._problem or self._over.is_set()):
                    time.sleep(0.02)
                if not self._over.is_set():
                    self._send(connection, number)
        except Failed as error:
            self._problem = str(error)
        finally:
            connection.close()

    def _send(self, connection: http.client.HTTPConnection, number: int) -> None:
        body = json.dumps(self._body(number))
        deadline = time.monotonic() + PATIENCE_SECONDS
        for tries in itertools.count():
            status, answer = _post(connection, self._path, body)
            if status in (200, 201):
                self.acknowledged[number] = answer["signal_id"]
                self.again += tries
                return
            if status not in (0, 503):
                raise Failed(f"message {number} was refused: {status} {answer}")
            if time.monotonic() > deadline or self._over.is_set():
                raise Failed(f"message {number} was not acknowledged within {PATIENCE_SECONDS} s")
            time.sleep(0.1)
        raise AssertionError


def _post(connection: http.client.HTTPConnection, path: str, body: str) -> tuple[int, dict[str, Any]]:
    """Status 0: nobody knows whether it arrived, or nobody was there."""
    try:
        connection.request("POST", path, body, {"Content-Type": "application/json"})
        response = connection.getresponse()
        return response.status, json.loads(response.read())
    except (OSError, http.client.HTTPException, ValueError):
        connection.close()
        return 0, {}
