"""Telegram, by python-telegram-bot, at settings.TELEGRAM_API_URL. The channel's target is the chat id."""

from __future__ import annotations

import asyncio
import html
import os
from datetime import timedelta

from django.conf import settings
from telegram import Bot
from telegram.error import BadRequest, ChatMigrated, Forbidden, InvalidToken, NetworkError, RetryAfter, TelegramError
from telegram.error import TimedOut as TelegramTimedOut
from telegram.request import HTTPXRequest

from tradeops.core import clock

from . import text
from .base import Destination, NotifierFinal, NotifierMessage, NotifierTemporary

# The library's opt-in to its coming major version: `retry_after` as a timedelta, without a warning at each use.
os.environ.setdefault("PTB_TIMEDELTA", "1")

CONNECT_SECONDS = 3.0
ANSWER_SECONDS = 5.0
TOTAL_SECONDS = 10.0
LONGEST = 4096  # UTF-16 code units, core.telegram.org/bots/api#sendmessage


class TelegramNotifier:
    """The library is asynchronous: this keeps a loop of its own, driven only inside `send` and `close`."""

    def __init__(self) -> None:
        self._runner = asyncio.Runner()
        self._bot: Bot | None = None
        self._connection: HTTPXRequest | None = None

    def send(self, message: NotifierMessage, *, to: Destination) -> None:
        try:
            self._runner.run(asyncio.wait_for(self._send(markup(message), to.target), TOTAL_SECONDS))
        except RetryAfter as error:
            seconds = _seconds(error.retry_after)
            raise NotifierTemporary(f"Telegram asks to wait {seconds:g} s", retry_after=seconds) from None
        except InvalidToken:
            raise NotifierFinal("Telegram does not know the bot: check TELEGRAM_BOT_TOKEN", mend=True) from None
        except ChatMigrated as error:
            moved = f"the chat became a supergroup: set the channel's chat id to {error.new_chat_id}"
            raise NotifierFinal(moved, mend=True) from None
        except Forbidden:
            refused = "the bot may not write there: the chat must start or invite it first"
            raise NotifierFinal(refused, mend=True) from None
        except BadRequest as error:
            # The chat's fault, not the message's: any other message would be refused too.
            mend = "chat" in str(error).lower()
            raise NotifierFinal(f"Telegram refused the message: {self._safe(error)}", mend=mend) from None
        except (TelegramTimedOut, TimeoutError):
            raise NotifierTemporary("Telegram did not answer in time") from None
        except NetworkError:
            raise NotifierTemporary("Telegram could not be reached") from None
        except TelegramError as error:
            raise NotifierTemporary(f"Telegram answered: {self._safe(error)}") from None

    def close(self) -> None:
        try:
            if self._connection is not None:
                self._runner.run(self._connection.shutdown())
        finally:
            self._runner.close()

    async def _send(self, html: str, chat: str) -> None:
        bot = self._bot or self._make()
        await bot.send_message(chat_id=chat, text=html, parse_mode="HTML", disable_web_page_preview=True)

    def _make(self) -> Bot:
        if not settings.TELEGRAM_BOT_TOKEN:
            raise InvalidToken
        self._connection = HTTPXRequest(
            connect_timeout=CONNECT_SECONDS,
            read_timeout=ANSWER_SECONDS,
            write_timeout=ANSWER_SECONDS,
            httpx_kwargs={"trust_env": False, "follow_redirects": False},
        )
        # Both requests the same: the one for updates would be made, and never used.
        self._bot = Bot(
            settings.TELEGRAM_BOT_TOKEN,
            base_url=f"{settings.TELEGRAM_API_URL}/bot",
            request=self._connection,
            get_updates_request=self._connection,
        )
        return self._bot

    @staticmethod
    def _safe(error: TelegramError) -> str:
        return str(error).replace(settings.TELEGRAM_BOT_TOKEN, "********")[:200]


def _seconds(value: float | timedelta) -> float:
    return value.total_seconds() if isinstance(value, timedelta) else float(value)


def markup(message: NotifierMessage) -> str:
    """Telegram's HTML, at most `LONGEST` long; what does not fit is cut line by line, so that no tag stays open."""
    lines = [f"{text.ICONS[message.level]} <b>{_escaped(message.title, 600)}</b>"]
    lines += [f"{_escaped(label, 60)}: <code>{_escaped(value, 400)}</code>" for label, value in message.details]
    closing = f"<i>{_escaped(message.event, 60)} · {clock.iso_ms(message.at)}</i>"
    kept: list[str] = []
    for line in lines:
        if _length("\n".join([*kept, line, closing])) <= LONGEST:
            kept.append(line)
    return "\n".join([*kept, closing])


def _escaped(shown: str, longest: int) -> str:
    return html.escape(text.cut(shown, longest), quote=False)


def _length(shown: str) -> int:
    return len(shown.encode("utf-16-le", "surrogatepass")) // 2
