"""python-telegram-bot, dressed for us: no proxy of the environment, no redirects, and no token in any message.

Its URLs bear the token, its bots print it and one of its errors quotes it: what is logged goes through `safe`.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

from django.conf import settings
from telegram import Bot, InlineKeyboardButton, InlineKeyboardMarkup, Update
from telegram.constants import ChatType, ParseMode
from telegram.error import BadRequest, Forbidden, InvalidToken, RetryAfter, TelegramError
from telegram.ext import Application, ApplicationBuilder
from telegram.request import HTTPXRequest

from tradeops.core import logs
from tradeops.core.errors import ConfigurationError

from .base import Incoming, Reply

logger = logs.get(__name__)
UPDATES = [Update.MESSAGE, Update.CALLBACK_QUERY]
CONNECT_SECONDS, ANSWER_SECONDS = 3.0, 5.0
TRIES = 4
LONGEST_WAIT = 30.0
UNSET = "TELEGRAM_BOT_TOKEN is not set: the token that @BotFather gives for the bot that operators write to"


def application(*, answer_seconds: float) -> Application:
    """Not initialised yet. Raises ConfigurationError without a token."""
    if not settings.TELEGRAM_BOT_TOKEN:
        raise ConfigurationError(UNSET)
    builder = ApplicationBuilder().token(settings.TELEGRAM_BOT_TOKEN).base_url(f"{settings.TELEGRAM_API_URL}/bot")
    one, other = _request(answer_seconds), _request(answer_seconds)
    return builder.request(one).get_updates_request(other).updater(None).build()


@asynccontextmanager
async def connected() -> AsyncIterator[Bot]:
    """A bot that only says things, for as long as the `with` goes. Raises ConfigurationError without a token."""
    if not settings.TELEGRAM_BOT_TOKEN:
        raise ConfigurationError(UNSET)
    request = _request(ANSWER_SECONDS)  # for both: the one for updates would be made, and never used
    base_url = f"{settings.TELEGRAM_API_URL}/bot"
    bot = Bot(settings.TELEGRAM_BOT_TOKEN, base_url=base_url, request=request, get_updates_request=request)
    try:
        yield bot
    finally:
        await request.shutdown()


def _request(answer_seconds: float) -> HTTPXRequest:
    return HTTPXRequest(
        connect_timeout=CONNECT_SECONDS,
        read_timeout=answer_seconds,
        write_timeout=answer_seconds,
        pool_timeout=answer_seconds,
        httpx_kwargs={"trust_env": False, "follow_redirects": False},
    )


def safe(error: BaseException) -> str:
    said = f"{type(error).__name__}: {error}"
    token = settings.TELEGRAM_BOT_TOKEN
    return (said.replace(token, logs.MASK) if token else said)[:200]


def incoming(update: Update) -> Incoming | None:
    """What an update says; None for what the desk has no use for."""
    chat, person = update.effective_chat, update.effective_user
    if chat is None or person is None:
        return None
    press, message = update.callback_query, update.effective_message
    if press is None and update.message is None:
        return None
    return Incoming(
        update_id=update.update_id,
        chat_id=chat.id,
        sender_id=person.id,
        private=chat.type == ChatType.PRIVATE,
        name=person.full_name.replace("\0", ""),
        text="" if press else str((message and message.text) or "").replace("\0", ""),
        press=str(press.data or "-") if press else "",
        press_id=press.id if press else "",
        message_id=message.message_id if press and message else 0,
    )


def wait_of(error: RetryAfter) -> float:
    value: Any = error.retry_after
    return value.total_seconds() if isinstance(value, timedelta) else float(value)


async def say(bot: Bot, reply: Reply) -> bool:
    """Says it, trying again while Telegram is away; whether it was said, or never can be (blocked, no such chat)."""
    for number in range(TRIES):
        try:
            await _say(bot, reply)
            return True
        except RetryAfter as error:
            wait = min(wait_of(error), LONGEST_WAIT)
        except (Forbidden, BadRequest) as error:
            logger.warning("a Telegram answer was refused", chat=reply.chat_id, error=safe(error))
            return True
        except InvalidToken:
            logger.error("Telegram does not know the bot: check TELEGRAM_BOT_TOKEN")
            return False
        except TelegramError as error:
            logger.warning("a Telegram answer did not get through", chat=reply.chat_id, error=safe(error))
            wait = 0.5 * 2**number
        if number < TRIES - 1:
            await asyncio.sleep(wait)
    return False


async def _say(bot: Bot, reply: Reply) -> None:
    if reply.press_id:
        # The clock on the button: a press that is too old to be answered has been given up there already.
        await _if_possible(lambda: bot.answer_callback_query(reply.press_id))
    if not reply.html:
        return
    rows = [[InlineKeyboardButton(each.label, callback_data=each.data)] for each in reply.buttons]
    keyboard = InlineKeyboardMarkup(rows) if rows else None
    edited = reply.edit and await _if_possible(
        lambda: bot.edit_message_text(
            reply.html,
            chat_id=reply.chat_id,
            message_id=reply.edit,
            parse_mode=ParseMode.HTML,
            reply_markup=keyboard,
        )
    )
    if not edited:
        await bot.send_message(reply.chat_id, reply.html, parse_mode=ParseMode.HTML, reply_markup=keyboard)


async def _if_possible(call: Callable[[], Awaitable[object]]) -> bool:
    try:
        await call()
    except BadRequest as error:
        return "not modified" in str(error).lower()  # it says so already
    return True


def problem(error: TelegramError) -> str:
    """What is wrong when updates cannot be had, in a sentence for people."""
    if isinstance(error, InvalidToken):
        return "Telegram does not know the bot: check TELEGRAM_BOT_TOKEN"
    return f"Telegram cannot be reached ({safe(error)})"
