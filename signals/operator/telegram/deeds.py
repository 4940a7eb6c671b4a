"""The verbs that change something. Each is understood first, then asked about, then carried out: once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from accounts.models import Operator
from signals.models.risk import Scope
from signals.operator import approving, reach, stopping
from signals.operator.reach import Target
from tradeops.core.errors import Refused

from . import texts

BUTTON: Literal["button"] = "button"
CODE: Literal["code"] = "code"
VIA = "Telegram"


@dataclass(frozen=True)
class Plan:
    """A deed as it was understood. `arguments` are kept in its row and are all that `Deed.do` is given."""

    arguments: list[str]
    question: str
    by: Literal["button", "code"] = BUTTON


@dataclass(frozen=True, kw_only=True)
class Wish:
    """Who wants a deed done; `token` is the same however often it is tried."""

    person: Operator
    arguments: list[str]
    token: str
    now: datetime

    @property
    def by(self) -> str:
        return f"{self.person.get_username()} ({VIA})"


@dataclass(frozen=True)
class Done:
    said: str  # plain text, a sentence or two


@dataclass(frozen=True)
class Deed:
    """`plan` raises Refused or Forbidden, with what to say. `long`: not to be done in one transaction with its row, and
    safe to do twice."""

    plan: Callable[[Operator, Sequence[str], datetime], Plan]
    do: Callable[[Wish], Done]
    long: bool = False


# Stopping, and what may follow ----------------------------------------------------------------------------------


def _stop(person: Operator, words: Sequence[str], now: datetime) -> Plan:
    target, rest = reach.target(words, person=person)
    question = f"Stop new entries on {target}? Orders that only reduce pass; open positions stay."
    return Plan([target.scope, target.key, " ".join(rest)], question)


def _pause(person: Operator, words: Sequence[str], now: datetime) -> Plan:
    if not words:
        raise Refused("say what to pause: /pause STRATEGY, or /pause account ACCOUNT", code="unknown_target")
    return _stop(person, words, now)


def _do_stop(wish: Wish) -> Done:
    target, reason = _read(wish)
    changed = stopping.stop(target=target, reason=reason, by=wish.by, now=wish.now)
    return Done(_stopped(target, changed))


def _stopped(target: Target, changed: bool) -> str:
    return f"New entries are stopped: {target}." if changed else f"They were stopped already: {target}."


def _entries(person: Operator, words: Sequence[str], now: datetime) -> Plan:
    target, _ = _read_words(words, person)
    there = stopping.under(target=target, person=person)
    if not there.entries:
        raise Refused(f"no entry is under way on {target}", code="nothing_to_do")
    return Plan(list(words), f"Cancel {_count(there.entries, 'entry', 'entries')} under way on {target}?")


def _do_entries(wish: Wish) -> Done:
    target, reason = _read(wish)
    done = stopping.take_back(
        target=target, person=wish.person, reason=reason or f"cancelled by {wish.by}", by=wish.by, now=wish.now
    )
    return Done(f"{_count(done.entries, 'entry is', 'entries are')} being cancelled on {target}.")


def _flatten(person: Operator, words: Sequence[str], now: datetime) -> Plan:
    target, _ = _read_words(words, person)
    there = stopping.under(target=target, person=person)
    if not there.entries and not there.positions:
        raise Refused(f"nothing is open and nothing is under way on {target}", code="nothing_to_do")
    question = (
        f"Close {_count(there.positions, 'position', 'positions')} at the market and cancel "
        f"{_count(there.entries, 'entry', 'entries')} on {target} "
        f"({_count(there.accounts, 'account', 'accounts')})?"
    )
    return Plan(list(words), question)


def _do_flatten(wish: Wish) -> Done:
    target, reason = _read(wish)
    done = stopping.close_all(
        target=target,
        person=wish.person,
        request_id=wish.token,
        reason=reason or "flatten",
        by=wish.by,
        now=wish.now,
    )
    said = (
        f"{_count(done.positions, 'position is', 'positions are')} being closed and "
        f"{_count(done.entries, 'entry', 'entries')} cancelled on {target}."
    )
    return Done(" ".join([said, *(f"Not on {problem}." for problem in done.problems)]))


# Going on -------------------------------------------------------------------------------------------------------


def _resume(person: Operator, words: Sequence[str], now: datetime) -> Plan:
    if not words:
        raise Refused("say what to resume: /resume all, STRATEGY, or account ACCOUNT", code="unknown_target")
    target, rest = reach.target(words, person=person)
    question = f"Let new entries pass again on {target}?"
    return Plan([target.scope, target.key, " ".join(rest)], question, CODE)


def _do_resume(wish: Wish) -> Done:
    target, reason = _read(wish)
    changed = stopping.go_on(target=target, reason=reason, by=wish.by, now=wish.now)
    return Done(f"Entries pass again: {target}." if changed else f"Nothing of its own had stopped {target}.")


def _approve(person: Operator, words: Sequence[str], now: datetime) -> Plan:
    row = approving.find(words[0], person=person, now=now)
    said_no = len(words) > 1 and words[1].lower() in ("no", "reject", "refuse")
    rest = list(words[2:] if said_no or (len(words) > 1 and words[1].lower() == "yes") else words[1:])
    arguments = [str(row.pk), "no" if said_no else "yes", " ".join(rest)]
    if said_no:
        return Plan(arguments, f"Refuse {texts.approval(row)}{texts.preview(row)}?")
    question = f"Approve {texts.approval(row)}{texts.preview(row)}? All rules and the price are looked at again."
    return Plan(arguments, question, CODE)


def _do_approve(wish: Wish) -> Done:
    number, word, reason = wish.arguments
    row = approving.find(number, person=wish.person, now=wish.now)
    approving.answer(approval=row, yes=word == "yes", by=wish.by, reason=reason, now=wish.now)
    return Done(f"{'Approved' if word == 'yes' else 'Refused'}: {texts.approval(row)}.")


def _read(wish: Wish) -> tuple[Target, str]:
    """The target is looked at again: what was the person's when they asked need not be any more."""
    return _read_words(wish.arguments, wish.person)


def _read_words(words: Sequence[str], person: Operator) -> tuple[Target, str]:
    scope, key, reason = words
    target = Target(scope, key) if scope == Scope.GLOBAL else reach.target([scope, key], person=person)[0]
    reach.check(target, person=person)
    return target, reason


def _count(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"


DEEDS: dict[str, Deed] = {
    "pause": Deed(_pause, _do_stop),
    "kill": Deed(_stop, _do_stop),
    "resume": Deed(_resume, _do_resume),
    "approve": Deed(_approve, _do_approve),
    "entries": Deed(_entries, _do_entries, long=True),
    "flatten": Deed(_flatten, _do_flatten, long=True),
}
