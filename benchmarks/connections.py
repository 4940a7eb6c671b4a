"""Many keep-alive connections in one thread, each with at most one message under way."""

from __future__ import annotations

import selectors
import socket
import time
from collections.abc import Iterator

_RECONNECT_SECONDS = 3


class Connection:
    """`number` is of the message under way, or the last. `sent_at` is on the performance counter and may be earlier
    than the sending, `sent_wall` is the sending by the wall clock."""

    __slots__ = ("_owner", "number", "received", "sent_at", "sent_wall", "sock", "waiting")

    def __init__(self, owner: Connections) -> None:
        self._owner = owner
        self.received = b""
        self.number = 0
        self.sent_at = self.sent_wall = 0.0
        self.waiting = False  # for an answer
        self.sock = owner.connect()

    def send(self, number: int, message: bytes, at: float) -> None:
        self.number = number
        self.sent_at, self.sent_wall = at, time.time()
        self.waiting = True
        self._owner.busy += 1
        try:
            whole = self.sock.send(message) == len(message)
        except OSError:
            return  # reset while it was idle: the selector tells of it, and it counts as broken
        if not whole:
            raise RuntimeError("a message did not fit into an idle connection's buffer")

    def reopen(self) -> None:
        self.received = b""
        self.sock.close()
        self.sock = self._owner.connect()


class Connections:
    """`busy` is how many wait for an answer."""

    def __init__(self, port: int, count: int) -> None:
        self._port = port
        self._selector = selectors.DefaultSelector()
        self.busy = 0
        self.all = [Connection(self) for _ in range(count)]
        for connection in self.all:
            self._selector.register(connection.sock, selectors.EVENT_READ, connection)

    def __enter__(self) -> Connections:
        return self

    def __exit__(self, *_: object) -> None:
        for connection in self.all:
            connection.sock.close()
        self._selector.close()

    def retire(self, connection: Connection) -> None:
        self._selector.unregister(connection.sock)
        connection.sock.close()

    def connect(self) -> socket.socket:
        sock = socket.create_connection(("127.0.0.1", self._port), timeout=_RECONNECT_SECONDS)
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return sock

    def wait(self, seconds: float) -> Iterator[tuple[Connection, int, bytes]]:
        """(connection, status, body) of each message that came to its end, the connection ready for another.

        Status 0: the connection broke before the answer was whole. One that the server closes while it is idle is
        replaced without a word.
        """
        for key, _ in self._selector.select(seconds):
            connection: Connection = key.data
            answer = self._read(connection)
            if answer is not None:
                connection.waiting = False
                self.busy -= 1
                yield connection, *answer

    def _read(self, connection: Connection) -> tuple[int, bytes] | None:
        """None while there is nothing to tell."""
        try:
            chunk = connection.sock.recv(65536)
        except BlockingIOError:
            return None
        except OSError:
            chunk = b""
        if not chunk:
            self._replace(connection)
            return (0, b"") if connection.waiting else None
        data = connection.received + chunk if connection.received else chunk
        head, found, rest = data.partition(b"\r\n\r\n")
        head = head.lower()
        body = complete(head, rest) if found else None
        if body is None:
            connection.received = data
            return None
        connection.received = b""
        if b"\r\nconnection: close" in head:
            self._replace(connection)
        return int(head[9:12]), body

    def _replace(self, connection: Connection) -> None:
        self._selector.unregister(connection.sock)
        connection.reopen()
        self._selector.register(connection.sock, selectors.EVENT_READ, connection)


def complete(head: bytes, rest: bytes) -> bytes | None:
    """The body of an answer, None while it is not all there. `head` in small letters."""
    mark = head.find(b"content-length:")
    if mark >= 0:
        length = int(head[mark + 15 :].split(b"\r\n", 1)[0])
        return rest if len(rest) >= length else None
    if b"transfer-encoding: chunked" not in head:
        raise RuntimeError(f"an answer of unknown length: {head[:200]!r}")
    body = b""
    while True:
        size, found, rest = rest.partition(b"\r\n")
        if not found or len(rest) < int(size, 16) + 2:
            return None
        if int(size, 16) == 0:
            return body
        body, rest = body + rest[: int(size, 16)], rest[int(size, 16) + 2 :]
