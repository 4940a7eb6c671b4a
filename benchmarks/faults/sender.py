"""A sender with TradingView's manners: a connection for each message, cut after 3 s; four sends 5 s apart on a 5xx
other than 504; nothing sent again after a cut or a broken connection."""

from __future__ import annotations

import asyncio
import itertools
import json
import time
from dataclasses import dataclass, field

CUT_SECONDS = 3.0
SENDS = 4
RESEND_SECONDS = 5.0


@dataclass(frozen=True)
class Try:
    """`status` 0: no answer, and `failure` says whether it was cut, refused or broken. Times are of the wall clock."""

    at: float
    until: float
    status: int
    failure: str = ""

    @property
    def seconds(self) -> float:
        return self.until - self.at


@dataclass
class Post:
    number: int
    tries: list[Try] = field(default_factory=list)
    signal: str = ""  # of the 2xx

    @property
    def acknowledged(self) -> bool:
        return bool(self.signal)


class Sender:
    """`template` is a JSON body in which `{n}` becomes a number of its own."""

    def __init__(self, port: int, path: str, template: str, *, resend_seconds: float = RESEND_SECONDS) -> None:
        self._port, self._path, self._template = port, path, template
        self._resend = resend_seconds
        self._numbers = itertools.count(time.time_ns())
        self.posts: list[Post] = []

    async def stream(self, *, rate: float, stop: asyncio.Event) -> None:
        """A message each 1/rate seconds until `stop`; returns when the last has come to its end."""
        start, sent = time.perf_counter(), 0
        async with asyncio.TaskGroup() as tasks:
            while not stop.is_set():
                tasks.create_task(self._send())
                sent += 1
                await asyncio.sleep(max(0.0, start + sent / rate - time.perf_counter()))

    async def _send(self) -> None:
        post = Post(next(self._numbers))
        self.posts.append(post)
        body = self._template.replace("{n}", str(post.number)).encode()
        for _ in range(SENDS):
            one, answer = await self._try(body)
            post.tries.append(one)
            if 200 <= one.status < 300:
                post.signal = json.loads(answer)["signal_id"]
            if not 500 <= one.status <= 599 or one.status == 504:
                return
            await asyncio.sleep(self._resend)

    async def _try(self, body: bytes) -> tuple[Try, bytes]:
        at = time.time()
        try:
            async with asyncio.timeout(CUT_SECONDS):
                status, answer = await self._exchange(body)
        except TimeoutError:
            return Try(at, time.time(), 0, "cut"), b""
        except ConnectionRefusedError:
            return Try(at, time.time(), 0, "refused"), b""
        except (OSError, EOFError, ValueError):
            return Try(at, time.time(), 0, "broken"), b""
        return Try(at, time.time(), status), answer

    async def _exchange(self, body: bytes) -> tuple[int, bytes]:
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        try:
            head = f"POST {self._path} HTTP/1.1\r\nHost: 127.0.0.1:{self._port}\r\nContent-Type: application/json\r\n"
            writer.write(f"{head}Connection: close\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)
            lines = (await reader.readuntil(b"\r\n\r\n")).lower()
            length = int(lines.split(b"content-length:")[1].split(b"\r\n")[0])
            return int(lines[9:12]), await reader.readexactly(length)
        finally:
            writer.transport.abort()
