"""What waits for a yes: asked with buttons or for a one-time code, good for a minute or two, answered once.

A press may come twice, also with a crash between doing and saying so. Short deeds are one transaction with their row;
a long one is first marked as confirmed (`expires_at` empty), which a second press takes up where it was left.
"""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import QuerySet

from accounts import roles, second_factor
from accounts.models import Operator, TelegramCommand, TelegramLink
from tradeops.core.errors import Forbidden, Refused, TradeOpsError

from . import texts
from .base import Button, Incoming, Reply
from .deeds import CODE, Done, Plan, Wish
from .verbs import FOLLOWING, Verb, known

Status = TelegramCommand.Status
BUTTON_FOR = timedelta(seconds=60)
CODE_FOR = timedelta(seconds=120)  # an app must be found and a code typed
OFFER_FOR = timedelta(minutes=10)
TOO_LATE = "Too late: nothing was done. Ask again."
NEVER_ASKED = "Telegram could not be reached: this was never asked, and nothing was done."


# Asking ---------------------------------------------------------------------------------------------------------


def ask(row: TelegramCommand, plan: Plan, *, now: datetime) -> Reply:
    """Keeps the question in the row. The caller stores it."""
    row.status, row.arguments, row.token = Status.ASKED, plan.arguments, secrets.token_hex(16)
    row.expires_at = now + (CODE_FOR if plan.by == CODE else BUTTON_FOR)
    row.answer = plan.question[:300]
    return question(row)


def question(row: TelegramCommand, *, edit: int = 0, press_id: str = "") -> Reply:
    """As it was asked, so that it can be asked again when nobody knows whether it was seen."""
    said = texts.escaped(row.answer)
    if takes_code(row):
        said += "\nSend the one-time code of your authenticator, or /cancel."
        return Reply(chat_id=row.chat_id, html=said, edit=edit, press_id=press_id)
    buttons = (Button("Yes", f"y:{row.token}"), Button("No", f"n:{row.token}"))
    return Reply(chat_id=row.chat_id, html=said, buttons=buttons, edit=edit, press_id=press_id)


def takes_code(row: TelegramCommand) -> bool:
    return row.verb == "resume" or (row.verb == "approve" and row.arguments[1:2] == ["yes"])


def unsaid(*, update_id: int, until: datetime) -> None:
    """What was asked by this update was not said yet, so nobody can answer it: its time does not run."""
    _unanswered(update_id).update(expires_at=until)


def begin_time(*, update_id: int, now: datetime) -> None:
    """The time of what was asked by this update runs from now on; what was answered meanwhile stays so."""
    for row in _unanswered(update_id):
        good_for = CODE_FOR if takes_code(row) else BUTTON_FOR
        _unanswered(update_id).update(expires_at=now + good_for)


def never_asked(*, update_id: int, now: datetime) -> None:
    _unanswered(update_id).update(status=Status.EXPIRED, ended_at=now, answer=NEVER_ASKED)


def _unanswered(update_id: int) -> QuerySet[TelegramCommand]:
    return TelegramCommand.objects.filter(update_id=update_id, status=Status.ASKED, expires_at__isnull=False)


def expire(*, now: datetime) -> None:
    """Ends what was asked and not answered in time. Bounded by time, which has an index."""
    asked = TelegramCommand.objects.filter(at__gt=now - timedelta(days=1), status=Status.ASKED, expires_at__lte=now)
    asked.update(status=Status.EXPIRED, ended_at=now, answer=TOO_LATE)


def forget(*, chat_id: int, now: datetime) -> int:
    """Cancels all that was asked in the chat and not confirmed; how many there were."""
    asked = TelegramCommand.objects.filter(chat_id=chat_id, status=Status.ASKED, expires_at__isnull=False)
    return asked.update(status=Status.REFUSED, ended_at=now, answer="Cancelled.")


# The press of a button ------------------------------------------------------------------------------------------


def pressed(incoming: Incoming, link: TelegramLink, *, now: datetime) -> list[Reply]:
    word, _, rest = incoming.press.partition(":")
    token, _, verb = rest.partition(":")
    mine = TelegramCommand.objects.filter(chat_id=incoming.chat_id, operator=link.operator)
    found = mine.filter(token=token).exclude(token="")
    if word == "o" and verb in FOLLOWING:
        return _offered(incoming, found.filter(status=Status.DONE, verb="kill").first(), FOLLOWING[verb], now=now)
    with transaction.atomic():
        row = found.select_for_update(of=("self",)).first()
        if row is None or word not in ("y", "n"):
            return [Reply(chat_id=incoming.chat_id, press_id=incoming.press_id)]
        if row.status == Status.ASKED and row.expires_at is not None:
            _heard(row, yes=word == "y", now=now)
        if row.status == Status.ASKED:
            deed = _verb(row).deed
            assert deed is not None
            if not deed.long:
                carry_out(row, link.operator, now=now)
    if row.status == Status.ASKED:
        carry_out(row, link.operator, now=now)
    return [outcome(row, edit=incoming.message_id, press_id=incoming.press_id)]


def _heard(row: TelegramCommand, *, yes: bool, now: datetime) -> None:
    assert row.expires_at is not None
    if row.expires_at <= now:
        finish(row, Status.EXPIRED, TOO_LATE, now=now)
    elif not yes:
        finish(row, Status.REFUSED, "Cancelled.", now=now)
    elif takes_code(row):  # no button of ours says so
        finish(row, Status.REFUSED, "That takes a one-time code.", now=now)
    else:
        row.expires_at = None
        row.save(update_fields=["expires_at"])


def _offered(incoming: Incoming, after: TelegramCommand | None, verb: Verb, *, now: datetime) -> list[Reply]:
    """A deed that may follow another is planned and asked about; the press is the update that it counts by."""
    silent = [Reply(chat_id=incoming.chat_id, press_id=incoming.press_id)]
    with transaction.atomic():
        seen = TelegramCommand.objects.filter(update_id=incoming.update_id).first()
        if seen is not None:
            again = question if seen.status == Status.ASKED else outcome
            return [again(seen, press_id=incoming.press_id)]
        if after is None or after.operator is None or after.ended_at is None or after.ended_at + OFFER_FOR < now:
            return silent
        row = TelegramCommand(
            update_id=incoming.update_id, chat_id=incoming.chat_id, operator=after.operator, verb=verb.name, at=now
        )
        reply = begin(row, verb, list(after.arguments), now=now)
        row.save()
    return [Reply(chat_id=reply.chat_id, html=reply.html, buttons=reply.buttons, press_id=incoming.press_id)]


# Doing ----------------------------------------------------------------------------------------------------------


def begin(row: TelegramCommand, verb: Verb, words: list[str], *, now: datetime) -> Reply:
    """Understands what is wanted and asks about it, or says why not. The caller stores the row."""
    assert verb.deed is not None
    assert row.operator is not None
    try:
        may(row.operator, verb)
        plan = verb.deed.plan(row.operator, words, now)
        if plan.by == CODE:
            _may_with_code(row.operator)
    except TradeOpsError as error:
        row.status, row.answer = Status.REFUSED, sentence(str(error))
        return Reply(chat_id=row.chat_id, html=texts.escaped(row.answer))
    return ask(row, plan, now=now)


def with_code(row: TelegramCommand, code: str, *, now: datetime) -> str:
    """Tries a code on a question that takes one, and does the deed if it is right. Returns what to say.

    In a transaction of the caller's; a wrong code leaves the question as it is.
    """
    assert row.operator is not None
    try:
        second_factor.verify(person=row.operator, code=code, now=now)
    except Refused as error:
        return f"{sentence(str(error))} Nothing was done: send a new code, or /cancel."
    carry_out(row, row.operator, now=now)
    return row.answer


def carry_out(row: TelegramCommand, person: Operator, *, now: datetime) -> None:
    """Does what the row says, and says in it what came of it. The person must still be one who may."""
    verb = _verb(row)
    assert verb.deed is not None
    try:
        may(person, verb)
        if takes_code(row):
            _may_with_code(person)
        done = _done(verb, Wish(person=person, arguments=row.arguments, token=row.token, now=now))
    except TradeOpsError as error:
        finish(row, Status.FAILED, sentence(f"Nothing was done: {error}"), now=now)
        return
    finish(row, Status.DONE, done.said, now=now)


def _done(verb: Verb, wish: Wish) -> Done:
    assert verb.deed is not None
    if verb.deed.long:
        return verb.deed.do(wish)
    with transaction.atomic():  # what it began is undone when it fails
        return verb.deed.do(wish)


def finish(row: TelegramCommand, status: TelegramCommand.Status, said: str, *, now: datetime) -> None:
    row.status, row.answer, row.ended_at = status, said[:300], now
    row.save(update_fields=["status", "answer", "ended_at"])


def outcome(row: TelegramCommand, *, edit: int = 0, press_id: str = "") -> Reply:
    offers: tuple[Button, ...] = ()
    if row.verb == "kill" and row.status == Status.DONE:
        offers = (Button("Cancel open entries", f"o:{row.token}:entries"), Button("Flatten", f"o:{row.token}:flatten"))
    return Reply(chat_id=row.chat_id, html=texts.escaped(row.answer), buttons=offers, edit=edit, press_id=press_id)


def may(person: Operator, verb: Verb) -> None:
    """Raises Forbidden, naming both roles."""
    if not roles.at_least(person, verb.role):
        raise Forbidden(f"that takes the role {verb.role.value}; yours is {roles.of(person).value}")


def _may_with_code(person: Operator) -> None:
    if not roles.at_least(person, Operator.Role.ADMIN):
        raise Forbidden(f"that takes the role admin; yours is {roles.of(person).value}")
    if not second_factor.enrolled(person):
        raise Refused(second_factor.NOT_ENROLLED, code="not_enrolled")


def _verb(row: TelegramCommand) -> Verb:
    found = known(row.verb)
    assert found is not None
    return found


def sentence(text: str) -> str:
    return (text[:1].upper() + text[1:]).rstrip(".")[:299] + "."
