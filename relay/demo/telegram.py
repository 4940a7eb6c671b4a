"""A stand-in for the Telegram Bot API: getMe and sendMessage, and GET /sent to see what came."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from typing import Any

from aiohttp import web

KEPT = 1000


class Telegram:
    def __init__(self, *, write: Callable[[str], None]) -> None:
        self._write = write
        self._sent: deque[dict[str, Any]] = deque(maxlen=KEPT)
        self._number = 0

    def application(self) -> web.Application:
        application = web.Application()
        application.router.add_get("/health", self._health)
        application.router.add_get("/sent", self._show)
        application.router.add_route("*", "/bot{token}/getMe", self._get_me)
        application.router.add_post("/bot{token}/sendMessage", self._send)
        return application

    async def _health(self, request: web.Request) -> web.Response:
        return web.json_response({"status": "ok", "sent": self._number})

    async def _show(self, request: web.Request) -> web.Response:
        return web.json_response({"sent": list(self._sent)})

    async def _get_me(self, request: web.Request) -> web.Response:
        me = {"id": 1, "is_bot": True, "first_name": "TradeOps demo", "username": "tradeops_demo_bot"}
        return web.json_response({"ok": True, "result": me})

    async def _send(self, request: web.Request) -> web.Response:
        form = await request.post()
        chat, text = str(form.get("chat_id", "")), str(form.get("text", ""))
        if not chat or not text:
            refusal = {"ok": False, "error_code": 400, "description": "Bad Request: message text is empty"}
            return web.json_response(refusal, status=400)
        self._number += 1
        self._sent.append({"chat_id": chat, "text": text})
        self._write(f"telegram: to {chat}: {text.splitlines()[0]}")
        sent = {
            "message_id": self._number,
            "date": int(time.time()),
            "chat": {"id": int(chat) if chat.lstrip("-").isdecimal() else 1, "type": "private"},
            "text": text,
        }
        return web.json_response({"ok": True, "result": sent})
