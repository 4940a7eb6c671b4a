"""`Test connection` (X9): a trade worker asks the venue what a key may do, on demand and once a day."""

from __future__ import annotations

import time
from dataclasses import asdict
from datetime import datetime, timedelta

from django.db import transaction

from accounts import credentials, vault
from accounts.brokers import registry
from accounts.brokers.base import BrokerError, BrokerRejected, KeyFacts
from accounts.models import Account, AccountSync, Credential
from tradeops.core import clock, configuration, events, logs
from tradeops.core.errors import ConfigurationError
from tradeops.core.events import Event, Level

logger = logs.get(__name__)

DAILY = timedelta(hours=24)
AFTER_REFUSAL = timedelta(hours=1)  # a key that the venue refuses is not mended by asking: a person asks again
AFTER_FAILURE = timedelta(minutes=2)
CLAIMED = timedelta(seconds=60)
_NO_ANSWER = "the venue did not answer: "


def run_asked(*, now: datetime, seconds: float = 8.0) -> int:
    """Tests whatever is due, the longest waiting first, for about so long. Returns how many were tested.

    To be called outside of any transaction, in a process that may open the vault. Two callers never test one account
    side by side; one that is killed leaves it to be tested again a minute later.
    """
    due = Credential.objects.filter(next_check_at__lte=now, account__retired_at=None).order_by("next_check_at", "pk")
    rows = list(due.select_related("account")[:50])
    if rows:
        configuration.forget()  # the brokers are to have what was set a moment ago
    until, done = time.monotonic() + seconds, 0
    for row in rows:
        if time.monotonic() >= until:
            break
        claimed = now + CLAIMED
        mine = Credential.objects.filter(pk=row.pk, next_check_at=row.next_check_at, sealed=row.sealed)
        if mine.update(next_check_at=claimed):
            row.next_check_at = claimed
            test(row)
            done += 1
    return done


def test(row: Credential) -> None:
    """Asks the venue and stores the answer, unless the credentials were replaced meanwhile."""
    account = row.account
    try:
        if problem := vault.problem(account):
            raise ConfigurationError(problem)
        facts = registry.broker_for(account).key()
    except (BrokerRejected, ConfigurationError) as error:
        _store(row, result=str(error), problem=str(error), again=AFTER_REFUSAL)
    except BrokerError as error:
        # Nothing was learned: what was known of the key stays.
        _store(row, result=f"{_NO_ANSWER}{error}", problem=row.problem, again=AFTER_FAILURE)
    except Exception as error:
        logger.exception("a test of a connection failed", account=account.slug)
        result = f"the test itself failed ({type(error).__name__}); the log of the trade workers says more"
        _store(row, result=result, problem=row.problem, again=AFTER_FAILURE)
    else:
        _judge(row, facts)


def _judge(row: Credential, facts: KeyFacts) -> None:
    found = {**asdict(facts), "notes": list(facts.notes)}
    problem = credentials.judge(found)
    result = problem or f"it works; the key may {', '.join(_may(facts)) or 'do nothing that the venue tells of'}"
    _store(row, result=result, problem=problem, again=AFTER_REFUSAL if problem else DAILY, facts=found)


def _may(facts: KeyFacts) -> list[str]:
    return [word for word in ("read", "trade", "withdraw") if getattr(facts, word)]


def _store(
    row: Credential, *, result: str, problem: str, again: timedelta, facts: dict[str, object] | None = None
) -> None:
    now = clock.now()
    values: dict[str, object] = {
        "tested_at": now, "test_result": result[:300], "problem": problem[:300], "next_check_at": now + again,
    }  # fmt: skip
    if facts is not None:
        values.update(facts=facts, checked_at=now)
    with transaction.atomic():
        mine = Credential.objects.filter(pk=row.pk, sealed=row.sealed, next_check_at=row.next_check_at)
        if not mine.update(**values):
            return  # set anew, erased, or asked for again: the next test tells
        Credential.objects.filter(pk=row.pk, test_asked_at__lte=now).update(test_asked_at=None)
        if facts is not None and not problem:  # what waited for a key that works need not wait longer
            AccountSync.objects.filter(account=row.account).exclude(problem="").update(due_at=now)
        _tell(row, problem=problem[:300], facts=facts, now=now)
        if _matters(row, problem=problem[:300], facts=facts):
            configuration.changed()  # who decides entries keeps accounts and what is known of their keys


def _matters(row: Credential, *, problem: str, facts: dict[str, object] | None) -> bool:
    """Whether an entry may be decided otherwise than before."""
    if facts is None or problem != row.problem:
        return problem != row.problem
    return row.checked_at is None or any(facts.get(word) != row.facts.get(word) for word in ("trade", "withdraw"))


def _tell(row: Credential, *, problem: str, facts: dict[str, object] | None, now: datetime) -> None:
    """A problem is told when it is new or another one, its end when it ends; a warning when it is new."""
    account: Account = row.account
    if problem and problem != row.problem:
        withdraws = bool(facts and facts.get("withdraw"))
        level = Level.CRITICAL if withdraws or account.active else Level.ERROR
        _publish(account, level, f"{account.slug} cannot trade: {problem}", now)
    elif row.problem and not problem:
        _publish(account, Level.INFO, f"{account.slug} can trade again: its connection works", now)
    new = credentials.warnings(facts or {}) if not problem else []
    if new and new != credentials.warnings(row.facts):
        _publish(account, Level.WARNING, f"{account.slug}: {new[0]}", now)


def _publish(account: Account, level: Level, title: str, now: datetime) -> None:
    events.publish(Event(name="account.connection", at=now, level=level, title=title, account=account.slug))


def waiting(*, now: datetime) -> bool:
    """Whether a test is due: for who decides that work is to be done."""
    return Credential.objects.filter(next_check_at__lte=now, account__retired_at=None).exists()
