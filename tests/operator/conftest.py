"""Operators who write to the real bot, which asks a Bot API on loopback."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.conf import settings

from accounts import linking
from accounts.models import Operator
from signals.operator.telegram.poller import Poller, Waits
from tests import life
from tests.factories import NOW
from tests.fakes.bot_api import BotApi

SECONDS = 20


class Clock:
    def __init__(self) -> None:
        self.moment = NOW

    def __call__(self) -> datetime:
        return self.moment

    def forward(self, seconds: float) -> None:
        self.moment += timedelta(seconds=seconds)


class Bot:
    """The bot's process, for as long as there is something to answer; each `hear` is a process of its own."""

    def __init__(self, api: BotApi, clock: Clock) -> None:
        self.api, self.clock = api, clock
        self.waits = Waits(held=0.05, conflict=0.05, trouble=0.05, token=0.05)

    def hear(self) -> None:
        asyncio.run(self._hear())

    async def _hear(self) -> None:
        stop = asyncio.Event()
        polls = self.api.idle_polls
        running = asyncio.create_task(Poller(now=self.clock, waits=self.waits).run(stop))
        for _ in range(SECONDS * 200):
            if self.api.idle_polls > polls or running.done():
                break
            await asyncio.sleep(0.005)
        stop.set()
        await running
        assert self.api.idle_polls > polls, "the bot did not come to the end of its updates"

    def ask(self, text: str, *, chat: int = 42, **how) -> list[str]:
        """What is new in the chat after somebody wrote this."""
        before = len(self.api.said(chat))
        self.api.write(text, chat=chat, **how)
        self.hear()
        return self.api.said(chat)[before:]

    def push(self, label: str, *, chat: int = 42, **how) -> list[str]:
        """Every text of the chat after a button was pressed."""
        self.api.press(label, chat=chat, **how)
        self.hear()
        return self.api.said(chat)


@pytest.fixture
def api():
    with BotApi(token=settings.TELEGRAM_BOT_TOKEN) as server:
        address, settings.TELEGRAM_API_URL = settings.TELEGRAM_API_URL, server.api_url
        yield server
        settings.TELEGRAM_API_URL = address


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def bot(transactional_db, api, clock):
    return Bot(api, clock)


@pytest.fixture
def home(transactional_db):
    """One strategy on two accounts of the clients `house` and `other`, and one signal that was traded on both."""
    home = life.house()
    home.traded = life.traded(home, at=NOW)
    return home


def person(name: str, role: str = "viewer", *, clients=(), chat: int = 0, **fields) -> Operator:
    made = Operator.objects.create_user(name, password="a-password-of-this-test", role=role, **fields)
    made.clients.set(clients)
    if chat:
        linking.link(code=linking.new_code(person=made, now=NOW), chat_id=chat, name=name.title(), now=NOW)
    return made


@pytest.fixture
def boss(home):
    """A superuser, linked to chat 42."""
    return person("boss", is_superuser=True, chat=42)


def money(text: str) -> Decimal:
    return Decimal(text)


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)
