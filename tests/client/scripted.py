"""A server on loopback that answers by a script, and remembers what it was asked."""

from __future__ import annotations

import json
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from tests.fakes import loopback

ACCESS, REFRESH = "access-token-of-this-test", "refresh-token-of-this-test"
PASSWORD = "a-password-for-this-run"
SIGN_IN = "/api/v1/auth/token"


@dataclass
class Reply:
    """`body` is JSON unless it is bytes. `hang` seconds before it; `cut` announces too much; `drop` sends nothing."""

    body: Any = None
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    hang: float = 0
    cut: bool = False
    drop: bool = False


@dataclass
class Asked:
    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: Any


class Script:
    """`replies` by path, each used once, the last one for good; signing in works unless it says otherwise."""

    def __init__(self) -> None:
        self.replies: dict[str, list[Reply]] = {SIGN_IN: [Reply({"access": ACCESS, "refresh": REFRESH})]}
        self.asked: list[Asked] = []
        self.url = ""

    def says(self, path: str, *replies: Any) -> None:
        self.replies[path] = [reply if isinstance(reply, Reply) else Reply(reply) for reply in replies]

    def paths(self) -> list[str]:
        return [one.path for one in self.asked]

    def reply(self, path: str) -> Reply:
        waiting = self.replies.get(path)
        if not waiting:
            return Reply({"error": {"code": "not_found", "message": "nothing here"}, "request_id": "r"}, status=404)
        return waiting.pop(0) if len(waiting) > 1 else waiting[0]


class _Handler(loopback.Handler):
    def answer(self) -> None:
        parts = urlsplit(self.path)
        content = self.body()
        body = json.loads(content) if content else None
        script = self.server.venue
        script.asked.append(
            Asked(self.command, parts.path, dict(parse_qsl(parts.query)), dict(self.headers.items()), body)
        )
        reply = script.reply(parts.path)
        time.sleep(reply.hang)
        if reply.drop:
            self.close_connection = True
            return
        said = b"" if reply.status == 304 else reply.body
        content = said if isinstance(said, bytes) else json.dumps(said).encode()
        length = str(len(content) + (100 if reply.cut else 0))
        self.say(reply.status, content, **{"Content-Length": length, "Connection": "close", **reply.headers})
        self.close_connection = True


@contextmanager
def serving():
    script = Script()
    with loopback.serving(_Handler, script) as script.url:
        yield script
