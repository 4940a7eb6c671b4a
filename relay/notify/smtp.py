"""Django's mail backend with an end: a conversation that is not over in time is cut off, whatever it waits for.

A socket's own time-out counts from each byte, so a server that answers slowly could hold a message for minutes, and
somebody else would send it meanwhile.
"""

from __future__ import annotations

import smtplib
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from django.core.mail.backends.smtp import EmailBackend


class Limit:
    """`over`: the time was up before the work was done, and nothing more was said to the server."""

    def __init__(self) -> None:
        self.over = False
        self._ends = 0.0
        self._peer: socket.socket | None = None
        self._lock = threading.Lock()

    @contextmanager
    def within(self, seconds: float) -> Iterator[None]:
        self.over, self._ends = False, time.monotonic() + seconds
        timer = threading.Timer(seconds, self._end)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()
            timer.join()

    def connect(self, host: str, port: int, step_seconds: float) -> socket.socket:
        """To the first of the host's addresses that answers. Raises TimeoutError at the end of the time."""
        trouble: OSError | None = None
        for *_, address in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM):
            left = self._ends - time.monotonic()
            if left <= 0:
                raise TimeoutError
            try:
                found = socket.create_connection((str(address[0]), port), min(step_seconds, left))
            except OSError as error:
                trouble = error
                continue
            found.settimeout(step_seconds)
            self._watch(found)
            return found
        raise trouble or OSError("the host has no address")

    def _watch(self, found: socket.socket) -> None:
        # A handle of our own: TLS takes the socket's away.
        with self._lock:
            self.forget()
            self._peer = found.dup()
            late = self.over
        if late:
            found.close()
            raise TimeoutError

    def _end(self) -> None:
        with self._lock:
            self.over = True
            if self._peer is not None:
                with suppress(OSError):
                    self._peer.shutdown(socket.SHUT_RDWR)

    def forget(self) -> None:
        peer, self._peer = self._peer, None
        if peer is not None:
            peer.close()


class Backend(EmailBackend):
    """To be used inside `limit.within`."""

    def __init__(self, *, step_seconds: float, limit: Limit) -> None:
        super().__init__(timeout=step_seconds)
        self.limit = limit

    @property
    def connection_class(self) -> Any:
        limit = self.limit

        class Reached(smtplib.SMTP):
            def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
                return limit.connect(host, port, timeout)

        class ReachedByTls(smtplib.SMTP_SSL, Reached):
            """Whose own `_get_socket` wraps what the next one gives."""

        return ReachedByTls if self.use_ssl else Reached
