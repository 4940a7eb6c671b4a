"""Telegram's Bot API and Slack's webhooks in one process, well or unwell as they are told to be.

`python -m benchmarks.notify.service PORT` listens on that loopback port. `GET /well` and `GET /sick` switch, and hang
up on whoever waits; `GET /counts` → {name: requests since the last switch}. When sick, Telegram is unwell by chat: 1
gets no answer, 2 a 429 with `retry_after`, 3 a 401 as for a wrong token; Slack answers 500.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from collections import Counter
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs

HANGS, BUSY, UNKNOWN = "1", "2", "3"
NAMES = {HANGS: "telegram hangs", BUSY: "telegram 429", UNKNOWN: "telegram 401"}
SLACK = "slack 500"
RETRY_AFTER = 3


class Service(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, port: int) -> None:
        super().__init__(("127.0.0.1", port), Handler)
        self.sick = False
        self.switched = threading.Event()
        self.counts: Counter[str] = Counter()

    def switch(self, *, sick: bool) -> None:
        self.sick = sick
        self.counts.clear()
        waiting, self.switched = self.switched, threading.Event()
        waiting.set()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: Service

    def do_GET(self) -> None:
        if self.path == "/counts":
            return self._say(200, dict(self.server.counts))
        if self.path in ("/well", "/sick"):
            self.server.switch(sick=self.path == "/sick")
        return self._say(200, {})

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        if self.path.startswith("/slack"):
            self.server.counts[SLACK] += 1
            return self._say(500, "server_error") if self.server.sick else self._say(200, "ok")
        chat = parse_qs(body).get("chat_id", [""])[0]
        self.server.counts[NAMES.get(chat, chat)] += 1
        return self._unwell(chat) if self.server.sick else self._say(200, _sent(chat))

    def _unwell(self, chat: str) -> None:
        if chat == HANGS:
            self.server.switched.wait()
            self.close_connection = True
        elif chat == BUSY:
            said = f"Too Many Requests: retry after {RETRY_AFTER}"
            told = {"ok": False, "error_code": 429, "description": said, "parameters": {"retry_after": RETRY_AFTER}}
            self._say(429, told)
        else:
            self._say(401, {"ok": False, "error_code": 401, "description": "Unauthorized"})

    def _say(self, status: int, told: object) -> None:
        content = told.encode() if isinstance(told, str) else json.dumps(told).encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/plain" if isinstance(told, str) else "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def handle(self) -> None:
        with suppress(OSError, ValueError):  # the notifier did not wait for the end
            super().handle()

    def finish(self) -> None:
        with suppress(OSError, ValueError):
            super().finish()

    def log_message(self, *_: object) -> None:
        pass


def _sent(chat: str) -> dict[str, object]:
    at = int(time.time())
    message = {"message_id": at, "date": at, "chat": {"id": int(chat or 1), "type": "private"}, "text": "sent"}
    return {"ok": True, "result": message}


if __name__ == "__main__":
    Service(int(sys.argv[1])).serve_forever(poll_interval=0.05)
