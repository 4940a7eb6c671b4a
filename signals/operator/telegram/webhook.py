"""The other way for updates to get here: Telegram calls the portal. The update is answered by the rows within the
request, and what is to be said is left to a worker of the queue `telegram`: no network in a web process.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django_q.tasks import async_task
from telegram import Update
from telegram.error import TelegramError

from tradeops.core import clock, logs
from tradeops.core.errors import ConfigurationError

from . import desk, door, library
from .base import Button, Incoming, Reply

logger = logs.get(__name__)
TASK = "signals.tasks.say_on_telegram"
SAY_WITHIN = timedelta(minutes=10)  # what could not be said until then is given up, and told
KEPT = 2 * SAY_WITHIN  # a question that nobody has seen
ONE_TRY = 45.0  # under the cluster's time-out
PAUSE_SECONDS = 3.0


def take(body: bytes) -> None:
    """Answers one update by the rows, and leaves the saying to a worker. What cannot be read is left alone: sent again,
    it would not be better."""
    incoming = _read(body)
    if incoming is None:
        return
    now = clock.now()
    replies = desk.answer(incoming, now=now)
    if replies:
        desk.unsaid(incoming, until=now + KEPT)
        _later(incoming, replies, since=now)


def _later(incoming: Incoming, replies: Sequence[Reply], *, since: datetime) -> None:
    async_task(TASK, asdict(incoming), [asdict(reply) for reply in replies], since, cluster=door.QUEUE)


def _read(body: bytes) -> Incoming | None:
    try:
        update = Update.de_json(json.loads(body), None)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None
    return library.incoming(update) if update else None


def say(incoming: dict[str, Any], replies: list[dict[str, Any]], since: datetime | None = None) -> None:
    """The worker's part: says what the desk answered at `since`. What does not get through is put at the end of the
    queue again, for ten minutes; then it is given up and told."""
    known, since = Incoming(**incoming), since or clock.now()
    unsaid = asyncio.run(_say(desk.due(known, [_reply(each) for each in replies], now=clock.now())))
    now = clock.now()
    if not unsaid:
        desk.delivered(known, now=now)
    elif now - since < SAY_WITHIN:
        logger.error("a Telegram answer waits: Telegram does not take it", chat=known.chat_id, update=known.update_id)
        time.sleep(PAUSE_SECONDS)
        desk.unsaid(known, until=since + KEPT)
        _later(known, unsaid, since=since)
    else:
        logger.error("a Telegram answer is given up", chat=known.chat_id, update=known.update_id)
        desk.undelivered(known, now=now)


def _reply(fields: dict[str, Any]) -> Reply:
    return Reply(**{**fields, "buttons": tuple(Button(**each) for each in fields["buttons"])})


async def _say(replies: list[Reply]) -> list[Reply]:
    """Those that were not said."""
    left = list(replies)
    try:
        async with asyncio.timeout(ONE_TRY), library.connected() as bot:
            for reply in replies:
                if not await library.say(bot, reply):
                    break
                left.remove(reply)
    except TimeoutError:
        pass
    return left


async def register() -> str:
    """Tells Telegram where to call, and returns that address. Raises ConfigurationError with what to do."""
    address = f"{settings.ENV.public_url}/{door.PATH}"
    async with library.connected() as bot:
        try:
            await bot.set_webhook(address, secret_token=door.secret(), allowed_updates=library.UPDATES)
        except TelegramError as error:
            raise ConfigurationError(f"Telegram did not take {address}: {library.safe(error)}") from None
    return address
