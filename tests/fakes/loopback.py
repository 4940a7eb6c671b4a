"""A server of the standard library on loopback, for as long as a `with` goes."""

from __future__ import annotations

import json
import socket
import threading
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Server(ThreadingHTTPServer):
    """`self.server.venue` of its handlers is what they speak for."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, handler: type[BaseHTTPRequestHandler], venue: Any) -> None:
        super().__init__(("127.0.0.1", 0), handler)
        self.venue = venue


class Handler(BaseHTTPRequestHandler, ABC):
    """Says nothing on the terminal, and does not mind a client that has gone."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: Server

    @abstractmethod
    def answer(self) -> None:
        """Whatever was asked: `self.command`, `self.path` and `self.body()` say what."""

    def do_GET(self) -> None:
        self.answer()

    do_POST = do_PUT = do_DELETE = do_GET  # noqa: N815  # the library's names

    def body(self) -> bytes:
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def say(self, status: int, answer: Any, **headers: str) -> None:
        """Bytes and text as they are, anything else as JSON; `Retry_After` is the header Retry-After."""
        raw = answer if isinstance(answer, bytes | str) else json.dumps(answer)
        content = raw.encode() if isinstance(raw, str) else raw
        self.send_response(status)
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        for name, value in {"Content-Type": "application/json", "Content-Length": str(len(content)), **given}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def reset(self) -> None:
        """The client sees a reset, not an end."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
        self.connection.close()
        self.close_connection = True

    def handle(self) -> None:
        with suppress(OSError, ValueError):
            super().handle()

    def finish(self) -> None:
        with suppress(OSError, ValueError):
            super().finish()

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def serving(handler: type[BaseHTTPRequestHandler], venue: Any) -> Iterator[str]:
    """Yields the address."""
    server = Server(handler, venue)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
