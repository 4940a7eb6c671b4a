"""Where updates are answered: by the rows alone, without a network. The bot and the webhook bring them here.

An update counts once, by Telegram's own number. What was done and not said (a process was killed between) is said when
the update comes again; `delivered` is what ends that.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.db import transaction

from accounts import linking
from accounts.models import TelegramCommand
from tradeops.core import events
from tradeops.core.events import Event, Level

from . import commands, confirm, strangers
from .base import Incoming, Reply


def answer(incoming: Incoming, *, now: datetime) -> list[Reply]:
    """What is to be said, and where. Groups and channels get nothing: whoever is in them would command."""
    if not incoming.private or incoming.sender_id != incoming.chat_id:
        return []
    link = linking.of_chat(incoming.chat_id)
    if link is None:
        with transaction.atomic():
            return strangers.answer(incoming, now=now)
    if incoming.press:
        return confirm.pressed(incoming, link, now=now)
    with transaction.atomic():
        confirm.expire(now=now)
        return commands.answer(incoming, link, now=now)


def unsaid(incoming: Incoming, *, until: datetime) -> None:
    """What `answer` gave is said later, by another process: until then a question's time does not run."""
    confirm.unsaid(update_id=incoming.update_id, until=until)


def due(incoming: Incoming, replies: Sequence[Reply], *, now: datetime) -> list[Reply]:
    """What of an earlier answer is to be said now: for a question that has ended since, how it ended."""
    row = TelegramCommand.objects.filter(update_id=incoming.update_id).exclude(token="").first()
    if row is None:
        return list(replies)
    if row.status != TelegramCommand.Status.ASKED:
        return [confirm.outcome(row, press_id=incoming.press_id)]
    confirm.begin_time(update_id=incoming.update_id, now=now)
    return list(replies)


def undelivered(incoming: Incoming, *, now: datetime) -> None:
    """What was to be said could not be, and is given up: people learn it from the portal."""
    with transaction.atomic():
        confirm.never_asked(update_id=incoming.update_id, now=now)
        delivered(incoming, now=now)
        row = TelegramCommand.objects.select_related("operator").filter(update_id=incoming.update_id).first()
        what = f"the answer to /{row.verb} of {row.operator}" if row and row.operator else "an answer"
        title = f"Telegram could not be reached: {what} was not said. Telegram commands says what was done"
        events.publish(Event(name="telegram.unsaid", at=now, level=Level.ERROR, title=title))


def delivered(incoming: Incoming, *, now: datetime) -> None:
    """What was to be said is said, or never will be: should the update come again, it gets no answer. A question's time
    runs from now on."""
    confirm.begin_time(update_id=incoming.update_id, now=now)
    rows = TelegramCommand.objects.filter(update_id=incoming.update_id, ended_at=None)
    rows.exclude(status=TelegramCommand.Status.ASKED).update(ended_at=now)
