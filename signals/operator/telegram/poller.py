"""The bot as a process: asks Telegram for updates, one process at a time of all hosts, and answers them.

An update is done before it is confirmed to Telegram, so that a killed process loses none: it comes again, counts once
(`desk`), and what was not said is said.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from django.db import InterfaceError, OperationalError
from telegram import Update
from telegram.error import Conflict, InvalidToken, RetryAfter, TelegramError
from telegram.ext import Application, CallbackQueryHandler, MessageHandler, filters

from tradeops.core import clock, events, failpoints, heartbeat, holder, lease, logs
from tradeops.core.database_thread import DatabaseThread
from tradeops.core.events import Event, Level
from tradeops.core.models import Lease

from . import desk, library
from .base import Incoming, Reply

logger = logs.get(__name__)
LEASE = "telegram_bot"
LEASE_SECONDS = 30
SAY_SECONDS = 15.0  # answers that take longer no longer hold up the next updates
FAILED = "That failed here. The portal's log says why; /status says how it stands."


@dataclass(frozen=True)
class Waits:
    """Seconds: how long Telegram may hold a question for updates (`poll`) and take to answer any (`answer`); and until
    it looks again when another process of ours polls, another program does, something is wrong, or the token is."""

    poll: int = 10
    answer: float = library.ANSWER_SECONDS
    held: float = 2
    conflict: float = 10
    trouble: float = 3
    token: float = 30


class Poller:
    def __init__(self, *, now: Callable[[], datetime] = clock.now, waits: Waits | None = None) -> None:
        self._now = now
        self._waits = waits or Waits()
        self._holder = holder.Holder().name
        self._database = DatabaseThread("telegram-database")
        self._application = _handled_by(self, self._waits)
        self._bot = self._application.bot
        self._offset: int | None = None
        self._due: list[tuple[Incoming, list[Reply]]] = []
        self._stuck = False
        self._saying: set[asyncio.Task[None]] = set()
        self._told = ""
        self._name = ""

    async def run(self, stop: asyncio.Event) -> None:
        """Until `stop`. Nothing that Telegram does ends it."""
        beats = asyncio.create_task(self._beat(stop))
        try:
            while not stop.is_set():
                await _first(stop, await self._round(stop))
        finally:
            stop.set()
            await self._end(beats)

    async def _round(self, stop: asyncio.Event) -> float:
        """One look for updates; how many seconds to wait before the next."""
        try:
            held = await self._database.run(self._lease)
            if held is None:
                return self._waits.held
            if not self._name:
                await self._begin()
            updates = await self._fetch(stop)
            self._told = ""
            return await self._take(updates)
        except (OperationalError, InterfaceError) as error:
            return self._wait("the database does not answer", type(error).__name__)
        except RetryAfter as error:
            return min(library.wait_of(error), library.LONGEST_WAIT)
        except Conflict:
            await self._tell_conflict()
            return self._waits.conflict
        except TelegramError as error:
            return self._wait(library.problem(error), longer=isinstance(error, InvalidToken))

    def _wait(self, problem: str, detail: str = "", *, longer: bool = False) -> float:
        """Logged once until it goes well again."""
        if self._told != problem:
            logger.error("no Telegram commands: " + problem, detail=detail)
            self._told = problem
        return self._waits.token if longer else self._waits.trouble

    async def _begin(self) -> None:
        await self._application.initialize()  # asks who the bot is
        await self._bot.delete_webhook()  # with one, Telegram gives no updates
        self._name = f"@{self._bot.username}"
        logger.info("Telegram commands are taken", bot=self._name)

    async def _fetch(self, stop: asyncio.Event) -> Sequence[Update]:
        asked = asyncio.create_task(
            self._bot.get_updates(offset=self._offset, timeout=self._waits.poll, allowed_updates=library.UPDATES)
        )
        stopped = asyncio.create_task(stop.wait())
        await asyncio.wait({asked, stopped}, return_when=asyncio.FIRST_COMPLETED)
        stopped.cancel()
        if not asked.done():
            asked.cancel()
            await asyncio.gather(asked, return_exceptions=True)
            return ()
        return asked.result()

    async def _take(self, updates: Sequence[Update]) -> float:
        self._due, self._stuck = [], False
        for update in updates:
            await self._application.process_update(update)
            if self._stuck:
                break
            self._offset = update.update_id + 1
        by_chat: dict[int, list[tuple[Incoming, list[Reply]]]] = {}
        for incoming, replies in self._due:
            by_chat.setdefault(incoming.chat_id, []).append((incoming, replies))
        new = {asyncio.create_task(self._answer(due)) for due in by_chat.values()}
        self._saying |= new
        if new:
            await asyncio.wait(new, timeout=SAY_SECONDS)
        self._saying = {task for task in self._saying if not task.done()}
        return self._waits.trouble if self._stuck else 0

    async def heard(self, update: Update, _context: object) -> None:
        """What the library calls for each update."""
        incoming = library.incoming(update)
        if incoming is None:
            return
        try:
            replies = await self._database.run(lambda: desk.answer(incoming, now=self._now()))
        except (OperationalError, InterfaceError) as error:
            logger.error("a Telegram update waits: the database does not answer", error=type(error).__name__)
            self._stuck = True
            return
        except Exception:  # one update must not keep all others from being answered
            logger.exception("a Telegram update could not be answered", update=incoming.update_id)
            replies = [Reply(chat_id=incoming.chat_id, html=FAILED, press_id=incoming.press_id)]
        failpoints.reached("telegram.after_deed")
        self._due.append((incoming, replies))

    async def _answer(self, due: Sequence[tuple[Incoming, list[Reply]]]) -> None:
        for incoming, replies in due:
            said = [await library.say(self._bot, reply) for reply in replies]
            if not all(said):
                continue
            try:
                await self._database.run(partial(desk.delivered, incoming, now=self._now()))
            except (OperationalError, InterfaceError) as error:  # it may be said once more
                logger.warning("the database does not answer", error=type(error).__name__)

    # One poller at a time -------------------------------------------------------------------------------------

    def _lease(self) -> lease.Held | None:
        return lease.acquire(name=LEASE, seconds=LEASE_SECONDS, now=self._now(), holder=self._holder)

    def _release(self) -> None:
        row = Lease.objects.filter(name=LEASE, holder=self._holder).first()
        if row is not None:
            lease.release(lease.Held(LEASE, self._holder, row.token))

    async def _tell_conflict(self) -> None:
        if self._told == "conflict":
            return
        self._told = "conflict"
        logger.error("no Telegram commands: another program asks for this bot's updates")
        await self._database.run(lambda: events.publish(conflict(self._now())))

    async def _beat(self, stop: asyncio.Event) -> None:
        began = self._now()
        while not stop.is_set():
            try:
                await self._database.run(
                    lambda: heartbeat.beat(process="telegram", started_at=began, now=self._now(), detail=self._name)
                )
            except (OperationalError, InterfaceError) as error:
                logger.warning("no heartbeat: the database does not answer", error=type(error).__name__)
            await _first(stop, heartbeat.BEAT_SECONDS)

    async def _end(self, beats: asyncio.Task[None]) -> None:
        try:
            await beats
            if self._saying:
                await asyncio.wait(self._saying, timeout=5)
            for task in self._saying:
                task.cancel()
            await asyncio.gather(*self._saying, return_exceptions=True)
            await self._application.shutdown()
            await self._bot.shutdown()  # where nobody answered, the application had not begun
            await self._database.run(self._release)
        finally:
            self._database.close()


def conflict(now: datetime) -> Event:
    return Event(
        name="telegram.conflict",
        at=now,
        level=Level.ERROR,
        title="Telegram commands do not get here: another program asks for this bot's updates. Give each portal a bot "
        "of its own, or set TELEGRAM_COMMANDS=off on one",
    )


def _handled_by(poller: Poller, waits: Waits) -> Application:
    application = library.application(answer_seconds=waits.answer)
    application.add_handler(MessageHandler(filters.UpdateType.MESSAGE, poller.heard))
    application.add_handler(CallbackQueryHandler(poller.heard))
    return application


async def _first(stop: asyncio.Event, seconds: float) -> None:
    """Waits so long, or until `stop`."""
    if seconds > 0 and not stop.is_set():
        try:
            await asyncio.wait_for(stop.wait(), seconds)
        except TimeoutError:
            return
