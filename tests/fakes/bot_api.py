"""A Telegram Bot API on loopback, as strict as the real one where a bot could get it wrong.

Updates stay until a `getUpdates` confirms them by its offset; HTML that Telegram would not parse, texts over 4,096,
buttons over 64 bytes and edits that change nothing are refused in its words.
"""

from __future__ import annotations

import asyncio
import json
from html.parser import HTMLParser
from typing import Any

from aiohttp import web

from tests.fakes.receivers import Answer, Server, refusal

BOT = {"id": 7, "is_bot": True, "first_name": "Ops", "username": "ops_bot"}
_TAGS = {"b", "i", "u", "s", "code", "pre", "a"}


class BotApi(Server):
    """`write` and `press` are what people do; `said` is what they see: chat → texts, edits in their place."""

    def __init__(self, *, token: str) -> None:
        super().__init__()
        self.token = token
        self.default = self._dispatch
        self.updates: list[dict[str, Any]] = []
        self.messages: dict[int, dict[str, Any]] = {}
        self.toasts: list[str] = []
        self.webhook: dict[str, str] = {}
        self.calls: list[str] = []
        self.faults: dict[str, list[Answer]] = {}
        self.conflicts = 0
        self.idle_polls = 0
        self._update_id = 1000
        self._message_id = 500

    @property
    def api_url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    # What people do

    def write(self, text: str, *, chat: int = 42, name: str = "Ann", kind: str = "private", sender: int = 0) -> int:
        self._message_id += 1
        message = {
            "message_id": self._message_id,
            "date": 1772461800,
            "chat": {"id": chat, "type": kind},
            "from": {"id": sender or chat, "is_bot": False, "first_name": name},
            "text": text,
        }
        return self.update(message=message)

    def press(self, label: str, *, chat: int = 42, sender: int = 0, data: str = "") -> int:
        """Presses the last button of that label in the chat; `data` forges one."""
        found = [m for m in self.messages.values() if m["chat"] == chat and label in m["buttons"]]
        message_id = found[-1]["id"] if found else 0
        pressed = {
            "id": f"p{self._update_id}",
            "from": {"id": sender or chat, "is_bot": False, "first_name": "Ann"},
            "chat_instance": "1",
            "data": data or found[-1]["buttons"][label],
            "message": {
                "message_id": message_id,
                "date": 1772461800,
                "chat": {"id": chat, "type": "private"},
                "text": "x",
            },
        }
        return self.update(callback_query=pressed)

    def update(self, **what: Any) -> int:
        self._update_id += 1
        self.updates.append({"update_id": self._update_id, **what})
        return self._update_id

    def said(self, chat: int = 42) -> list[str]:
        return [message["text"] for message in self.messages.values() if message["chat"] == chat]

    def buttons(self, chat: int = 42) -> list[list[str]]:
        return [list(message["buttons"]) for message in self.messages.values() if message["chat"] == chat]

    # What the bot asks

    async def _dispatch(self, request: web.Request) -> web.StreamResponse:
        prefix, _, method = request.path.rpartition("/")
        if prefix != f"/bot{self.token}":
            return refusal(401, "Unauthorized")
        self.calls.append(method)
        if self.faults.get(method):
            return await self.faults[method].pop(0)(request)
        form = {name: str(value) for name, value in (await request.post()).items()}
        answer = getattr(self, f"_{method}", None)
        return await answer(form) if answer else refusal(404, "Not Found")

    async def _getMe(self, form: dict[str, str]) -> web.Response:  # noqa: N802
        return _ok(BOT)

    async def _deleteWebhook(self, form: dict[str, str]) -> web.Response:  # noqa: N802
        self.webhook = {}
        return _ok(True)

    async def _setWebhook(self, form: dict[str, str]) -> web.Response:  # noqa: N802
        self.webhook = form
        return _ok(True)

    async def _getUpdates(self, form: dict[str, str]) -> web.Response:  # noqa: N802
        if self.webhook:
            return refusal(409, "Conflict: can't use getUpdates method while webhook is active")
        if self.conflicts:
            self.conflicts -= 1
            return refusal(409, "Conflict: terminated by other getUpdates request")
        offset = int(form.get("offset", 0))
        self.updates = [update for update in self.updates if update["update_id"] >= offset]
        if not self.updates:
            self.idle_polls += 1
        for _ in range(int(form.get("timeout", 0)) * 100):
            if self.updates:
                break
            await asyncio.sleep(0.01)
        allowed = json.loads(form.get("allowed_updates", "[]"))
        return _ok([u for u in self.updates if not allowed or any(name in u for name in allowed)][:100])

    async def _sendMessage(self, form: dict[str, str]) -> web.Response:  # noqa: N802
        self._message_id += 1
        return self._show(self._message_id, form)

    async def _editMessageText(self, form: dict[str, str]) -> web.Response:  # noqa: N802
        number = int(form["message_id"])
        before = self.messages.get(number)
        if before is None:
            return refusal(400, "Bad Request: message to edit not found")
        if (before["text"], before["buttons"]) == (form["text"], _buttons(form)):
            return refusal(400, "Bad Request: message is not modified")
        return self._show(number, form)

    async def _answerCallbackQuery(self, form: dict[str, str]) -> web.Response:  # noqa: N802
        self.toasts.append(form["callback_query_id"])
        return _ok(True)

    def _show(self, number: int, form: dict[str, str]) -> web.Response:
        text, buttons, chat = form["text"], _buttons(form), int(form["chat_id"])
        if problem := _problem(form, buttons):
            return refusal(400, f"Bad Request: {problem}")
        self.messages[number] = {"id": number, "chat": chat, "text": text, "buttons": buttons}
        shown = {"message_id": number, "date": 1772461800, "chat": {"id": chat, "type": "private"}, "text": text}
        return _ok(shown)


def _ok(result: Any) -> web.Response:
    return web.json_response({"ok": True, "result": result})


def _buttons(form: dict[str, str]) -> dict[str, str]:
    rows = json.loads(form.get("reply_markup") or "{}").get("inline_keyboard", [])
    return {button["text"]: button["callback_data"] for row in rows for button in row}


def _problem(form: dict[str, str], buttons: dict[str, str]) -> str:
    text = form["text"]
    if not text.strip():
        return "message text is empty"
    if len(text.encode("utf-16-le")) // 2 > 4096:
        return "message is too long"
    if any(len(data.encode()) > 64 for data in buttons.values()):
        return "BUTTON_DATA_INVALID"
    if form.get("parse_mode") == "HTML":
        return _Markup.problem_of(text)
    return ""


class _Markup(HTMLParser):
    """Telegram takes its own tags only, each closed."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.problem = ""

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        if tag not in _TAGS:
            self.problem = f'can\'t parse entities: Unsupported start tag "{tag}"'
        self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.problem = "can't parse entities: Unmatched end tag"

    @classmethod
    def problem_of(cls, text: str) -> str:
        found = cls()
        found.feed(text)
        found.close()
        return found.problem or ("can't parse entities: Can't find end tag" if found.open else "")
