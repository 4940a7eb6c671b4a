"""Chats that are nobody's: they learn nothing, by what is said or by its difference, and they tire soon."""

from __future__ import annotations

from datetime import datetime, timedelta

from accounts import linking
from accounts.models import TelegramCommand
from tradeops.core import events
from tradeops.core.errors import Refused
from tradeops.core.events import Event, Level

from . import texts
from .base import Incoming, Reply

Status = TelegramCommand.Status
WINDOW = timedelta(hours=1)
TRIES = 10  # of one chat in a window; then there is silence, also for a right code
KEPT = 200  # rows of all strangers in a window, so that a flood cannot fill the table


def answer(incoming: Incoming, *, now: datetime) -> list[Reply]:
    """In a transaction of the caller's. A message with a right code links the chat; all else gets the same words."""
    if incoming.press:
        return []
    seen = TelegramCommand.objects.filter(update_id=incoming.update_id).first()
    if seen is not None:
        return [] if seen.ended_at else [_neutral(incoming)]
    recent = TelegramCommand.objects.filter(at__gt=now - WINDOW, operator=None)
    tries = recent.filter(chat_id=incoming.chat_id).count()
    if tries >= TRIES:
        return []
    row = TelegramCommand(
        update_id=incoming.update_id, chat_id=incoming.chat_id, verb=_verb(incoming.text), at=now, status=Status.REFUSED
    )
    try:
        link = linking.link(code=_code(incoming.text), chat_id=incoming.chat_id, name=incoming.name, now=now)
    except Refused as error:
        return _turned_away(incoming, row, tries=tries + 1, of_all=recent.count() + 1, why=str(error), now=now)
    row.operator, row.status, row.answer = link.operator, Status.DONE, f"Linked to {link.operator}."
    row.save()
    return [Reply(chat_id=incoming.chat_id, html=f"{texts.escaped(row.answer)} /help says what you may do here.")]


def _turned_away(
    incoming: Incoming, row: TelegramCommand, *, tries: int, of_all: int, why: str, now: datetime
) -> list[Reply]:
    if of_all > KEPT:
        return []
    row.answer = why[:300]  # for the record; the chat is not told
    row.save()
    if tries == TRIES:
        _tell(f"A stranger wrote to the Telegram bot {TRIES} times: chat {incoming.chat_id}", Level.WARNING, now)
    if of_all == KEPT:
        _tell(f"Strangers wrote to the Telegram bot {KEPT} times within the hour", Level.CRITICAL, now)
    return [_neutral(incoming)]


def _neutral(incoming: Incoming) -> Reply:
    return Reply(chat_id=incoming.chat_id, html=texts.NEUTRAL)


def _verb(text: str) -> str:
    return "start" if text.lower().startswith("/start") else "stranger"


def _code(text: str) -> str:
    """What follows /start; never stored."""
    words = text.split()
    return words[1] if len(words) == 2 and words[0].lower() == "/start" else ""


def _tell(title: str, level: Level, now: datetime) -> None:
    events.publish(Event(name="telegram.strangers", at=now, level=level, title=title))
