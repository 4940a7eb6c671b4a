"""What a linked operator writes: a verb, a one-time code, or something else."""

from __future__ import annotations

import re
from datetime import datetime

from accounts import linking, roles
from accounts.models import Operator, TelegramCommand, TelegramLink
from tradeops.core.errors import TradeOpsError

from . import confirm, texts
from .base import Incoming, Reply
from .deeds import VIA
from .verbs import VERBS, Verb, helped

Status = TelegramCommand.Status
_CODE = re.compile(r"\d{6}\Z", re.ASCII)
_HINT = "/help says what you may do here."


def answer(incoming: Incoming, link: TelegramLink, *, now: datetime) -> list[Reply]:
    """In a transaction of the caller's: the row, the deed and its outcome are stored together, or nothing is."""
    person = link.operator
    verb, words = _parsed(incoming.text)
    row, new = TelegramCommand.objects.select_for_update(of=("self",)).get_or_create(
        update_id=incoming.update_id,
        defaults={
            "chat_id": incoming.chat_id, "operator": person, "verb": verb[:20], "status": Status.DONE, "at": now,
        },
    )  # fmt: skip
    if not new:
        return _again(row, person, words, now=now)
    if verb == "code":
        return [_code(row, words[0], now=now)]
    known = VERBS.get(verb)
    if known is None:
        reply = _small(row, link, verb, now=now)
    elif known.deed is None or (known.show is not None and not words):
        row.arguments = words[:20]
        reply = _show(row, known, person, words, now=now)
    else:
        reply = _deed(row, known, words, now=now)
    row.save()
    return [reply]


def _parsed(text: str) -> tuple[str, list[str]]:
    words = text.split()
    if not words:
        return "other", []
    if len(words) == 1 and _CODE.match(words[0]):
        return "code", words
    if not words[0].startswith("/"):
        return "other", []
    return words[0][1:].partition("@")[0].lower() or "other", words[1:]


def _again(row: TelegramCommand, person: Operator, words: list[str], *, now: datetime) -> list[Reply]:
    """An update that was taken before: what was done stays done, and is said again unless that is known to be said."""
    if row.operator_id != person.pk or row.ended_at is not None:
        return []
    if row.status == Status.ASKED:
        return [confirm.question(row)]
    if row.verb in ("start", "help"):
        return [_help(row, person)]
    verb = VERBS.get(row.verb)
    if verb is not None and verb.show is not None and row.status == Status.DONE:
        return [_show(row, verb, person, words, now=now)]
    return [Reply(chat_id=row.chat_id, html=texts.escaped(row.answer))]


def _show(row: TelegramCommand, verb: Verb, person: Operator, words: list[str], *, now: datetime) -> Reply:
    assert verb.show is not None
    try:
        confirm.may(person, verb)
        shown = verb.show(person, words, now)
    except TradeOpsError as error:
        row.status, row.answer = Status.REFUSED, confirm.sentence(str(error))
        return Reply(chat_id=row.chat_id, html=texts.escaped(row.answer))
    row.answer = shown.note[:300]
    return Reply(chat_id=row.chat_id, html=shown.html)


def _deed(row: TelegramCommand, verb: Verb, words: list[str], *, now: datetime) -> Reply:
    """Asks; with a one-time code as its last word, does what takes one at once."""
    code = words.pop() if len(words) > 1 and _CODE.match(words[-1]) else ""
    reply = confirm.begin(row, verb, words, now=now)
    row.save()
    if not code or row.status != Status.ASKED or not confirm.takes_code(row):
        return reply
    said = confirm.with_code(row, code, now=now)
    row.ended_at = None  # it is not said yet
    return Reply(chat_id=row.chat_id, html=texts.escaped(said))


def _code(row: TelegramCommand, code: str, *, now: datetime) -> Reply:
    asked = TelegramCommand.objects.filter(chat_id=row.chat_id, operator=row.operator, status=Status.ASKED)
    waiting = [each for each in asked.filter(expires_at__gt=now).order_by("-pk") if confirm.takes_code(each)]
    if not waiting:
        row.status, row.answer = Status.REFUSED, "Nothing waits for a code."
    else:
        row.answer = confirm.with_code(waiting[0], code, now=now)
        row.status = Status.REFUSED if waiting[0].status == Status.ASKED else Status.DONE
    row.save()
    return Reply(chat_id=row.chat_id, html=texts.escaped(row.answer))


def _small(row: TelegramCommand, link: TelegramLink, verb: str, *, now: datetime) -> Reply:
    if verb in ("start", "help"):
        return _help(row, link.operator)
    if verb == "cancel":
        said = "Cancelled." if confirm.forget(chat_id=row.chat_id, now=now) else "Nothing was asked."
    elif verb == "unlink":
        linking.unlink(row=link, by=f"{link.operator.get_username()} ({VIA})", now=now)
        said = "This chat is linked no longer."
    else:
        row.status, row.verb, said = Status.REFUSED, "unknown", f"I do not know that. {_HINT}"
    row.answer = said
    return Reply(chat_id=row.chat_id, html=said)


def _help(row: TelegramCommand, person: Operator) -> Reply:
    first = f"This chat is linked to <b>{texts.escaped(person.get_username())}</b> ({roles.of(person).value})."
    return Reply(chat_id=row.chat_id, html=texts.fit([first, *map(texts.escaped, helped(person))]))
