"""The endpoints of a benchmark, all in one process: raw sockets, one selector, some 30 µs a message; the same for the
peer and for ours.

`python -m benchmarks.receivers CONTROL PORT=MANNER …` listens on those loopback ports. Manners: `well` answers 200 at
once; `error` 503; `hang` reads and says nothing; `reset` tears the connection down after the message; `drip` answers
headers at once and a byte a second, without end.

On the control port: `GET /arrivals` → {port: [[at, number, id], …]} of every message since the last `GET /forget`, by
this process's clock, in seconds since the epoch; `GET /progress` → {port: [distinct messages, when the last of them
came]}; `GET /cpu` → seconds. The number is the one that the load generator put into the comment, the id is the
message's own.
"""

from __future__ import annotations

import gc
import json
import re
import selectors
import socket
import struct
import sys
import time

_OK = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nok"
_ERROR = b"HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/plain\r\nContent-Length: 4\r\n\r\nbusy"
_ENDLESS = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 100000\r\n\r\n"
_RST = struct.pack("ii", 1, 0)  # SO_LINGER of no time: closing resets
_NUMBER = re.compile(rb"breakout (\d+)")
_ID = re.compile(rb'"id": ?"([^"]+)"')


class Receiver:
    """One port: its manner and what came."""

    def __init__(self, port: int, manner: str) -> None:
        self.port, self.manner = port, manner
        self.came: list[tuple[float, bytes]] = []
        self._seen: set[bytes] = set()
        self._read = 0
        self._last = 0.0

    def forget(self) -> None:
        self.__init__(self.port, self.manner)  # type: ignore[misc]

    def progress(self) -> list[float]:
        for at, body in self.came[self._read :]:
            number = _number(body)
            if number not in self._seen:
                self._seen.add(number)
                self._last = at
        self._read = len(self.came)
        return [len(self._seen), self._last]

    def arrivals(self) -> list[list[object]]:
        found: list[list[object]] = []
        for at, body in self.came:
            named = _ID.search(body)
            found.append([at, _number(body).decode(), named[1].decode() if named else ""])
        return found


def _number(body: bytes) -> bytes:
    found = _NUMBER.search(body)
    return found[1] if found else b""


class Peer:
    """One connection of a sender."""

    __slots__ = ("received", "receiver", "sock")

    def __init__(self, sock: socket.socket, receiver: Receiver | None) -> None:
        self.sock, self.receiver, self.received = sock, receiver, b""


class Receivers:
    def __init__(self, control: int, manners: dict[int, str]) -> None:
        self._selector = selectors.DefaultSelector()
        self._receivers = [Receiver(port, manner) for port, manner in manners.items()]
        self._dripping: list[Peer] = []
        for receiver in self._receivers:
            self._listen(receiver.port, receiver)
        self._listen(control, None)

    def _listen(self, port: int, receiver: Receiver | None) -> None:
        listener = socket.create_server(("127.0.0.1", port), backlog=512)
        listener.setblocking(False)
        self._selector.register(listener, selectors.EVENT_READ, (True, receiver))

    def serve(self) -> None:
        dripped = time.monotonic()
        while True:
            for key, _ in self._selector.select(1.0):
                listening, what = key.data
                if listening:
                    self._accept(key.fileobj, what)  # type: ignore[arg-type]
                else:
                    self._hear(what)
            if self._dripping and time.monotonic() - dripped >= 1.0:
                dripped = time.monotonic()
                self._drip()

    def _accept(self, listener: socket.socket, receiver: Receiver | None) -> None:
        try:
            sock, _ = listener.accept()
        except OSError:
            return
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._selector.register(sock, selectors.EVENT_READ, (False, Peer(sock, receiver)))

    def _hear(self, peer: Peer) -> None:
        try:
            chunk = peer.sock.recv(65536)
        except BlockingIOError:
            return
        except OSError:
            chunk = b""
        if not chunk:
            self._close(peer)
            return
        peer.received = peer.received + chunk if peer.received else chunk
        head, found, rest = peer.received.partition(b"\r\n\r\n")
        if not found:
            return
        length = _length(head)
        if len(rest) < length:
            return
        peer.received = rest[length:]
        if peer.receiver is None:
            self._control(peer, head)
        else:
            if head.startswith(b"POST"):  # not a health check
                peer.receiver.came.append((time.time(), rest[:length]))
            self._behave(peer, peer.receiver.manner)

    def _behave(self, peer: Peer, manner: str) -> None:
        if manner == "well":
            self._answer(peer, _OK)
        elif manner == "error":
            self._answer(peer, _ERROR)
        elif manner == "reset":
            peer.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RST)
            self._close(peer)
        elif manner == "drip":
            self._answer(peer, _ENDLESS)
            self._dripping.append(peer)

    def _answer(self, peer: Peer, answer: bytes) -> None:
        try:
            peer.sock.sendall(answer)
        except OSError:
            self._close(peer)

    def _drip(self) -> None:
        dripping, self._dripping = self._dripping, []
        for peer in dripping:
            if peer.sock.fileno() >= 0:
                self._dripping.append(peer)
                self._answer(peer, b".")

    def _close(self, peer: Peer) -> None:
        if peer.sock.fileno() >= 0:
            self._selector.unregister(peer.sock)
            peer.sock.close()

    def _control(self, peer: Peer, head: bytes) -> None:
        path = head.split(b" ", 2)[1].decode()
        answer: object = {}
        if path == "/arrivals":
            answer = {receiver.port: receiver.arrivals() for receiver in self._receivers}
        elif path == "/progress":
            answer = {receiver.port: receiver.progress() for receiver in self._receivers}
        elif path == "/cpu":
            answer = time.process_time()
        elif path == "/forget":
            for receiver in self._receivers:
                receiver.forget()
        body = json.dumps(answer).encode()
        peer.sock.setblocking(True)
        self._answer(peer, b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
        self._close(peer)


def _length(head: bytes) -> int:
    small = head.lower()
    mark = small.find(b"content-length:")
    return int(small[mark + 15 :].split(b"\r\n", 1)[0]) if mark >= 0 else 0


def main() -> None:
    control, *rest = sys.argv[1:]
    manners = {int(port): manner for port, _, manner in (one.partition("=") for one in rest)}
    gc.disable()
    Receivers(int(control), manners).serve()


if __name__ == "__main__":
    main()
