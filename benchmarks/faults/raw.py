"""Hostile clients by raw sockets: bodies without end, bytes one at a time, heads that never finish."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterable, Iterator

HOST = "127.0.0.1"
# On Linux the whole network is this machine, so that hostile senders have addresses of their own.
SLOW_BODIES, SLOW_HEADS, HUGE = "127.0.0.2", "127.0.0.3", "127.0.0.4"


def head(path: str, port: int, *lines: str) -> bytes:
    return "\r\n".join([f"POST {path} HTTP/1.1", f"Host: {HOST}:{port}", *lines, "", ""]).encode()


def connect(port: int, source: str = HOST, *, seconds: float = 20) -> socket.socket:
    return socket.create_connection((HOST, port), timeout=seconds, source_address=(source, 0))


def answer(sock: socket.socket) -> int:
    """The status of what comes back, 0 if the server closed without a word or said nothing in time."""
    received = b""
    with contextlib.suppress(OSError):
        while b"\r\n" not in received:
            piece = sock.recv(4096)
            if not piece:
                break
            received += piece
    return int(received[9:12]) if received.startswith(b"HTTP/1.1 ") else 0


def post(port: int, source: str, first: bytes, pieces: Iterable[bytes]) -> int:
    """Sends everything, or until the server has had enough, and reads the answer's status."""
    with connect(port, source) as sock:
        with contextlib.suppress(OSError):
            sock.sendall(first)
            for piece in pieces:
                sock.sendall(piece)
        return answer(sock)


def megabytes(count: int) -> Iterator[bytes]:
    block = b'{"symbol":"BTCUSDT","action":"buy","comment":"' + b"x" * (1024 * 1024 - 46)
    return (block for _ in range(count))


def chunked(pieces: Iterable[bytes]) -> Iterator[bytes]:
    for piece in pieces:
        yield b"%x\r\n%s\r\n" % (len(piece), piece)
    yield b"0\r\n\r\n"


class Slow:
    """Connections that have begun and never end. `drip` sends one byte more on each."""

    def __init__(self, port: int, source: str, first: bytes, count: int) -> None:
        self._sockets = []
        for _ in range(count):
            sock = connect(port, source)
            sock.sendall(first)
            self._sockets.append(sock)

    def drip(self) -> None:
        for sock in self._sockets:
            with contextlib.suppress(OSError):
                sock.send(b" ")

    def close(self) -> list[int]:
        """What the server has said to each in the meantime, 0 for nothing."""
        found = []
        for sock in self._sockets:
            sock.settimeout(0.01)
            found.append(answer(sock))
            sock.close()
        return found
