"""Who sees to accounts, when, and that nobody waits for another."""

from __future__ import annotations

import threading
from concurrent.futures import Future
from datetime import UTC, datetime, timedelta

from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import Account, AccountSync, Credential
from signals.models import Order, Reconciliation, ReconciliationCursor
from signals.paper import rounds as paper
from signals.risk import losses
from signals.tending import duties, rounds
from signals.tending.duties import Duty
from signals.tending.start import Starter
from tests import factories
from tests.reconciliation.conftest import desk  # noqa: F401
from tradeops.core import configuration, lease


def now() -> datetime:
    return datetime.now(UTC)


def inline(duty, job):
    done: Future[None] = Future()
    job()
    done.set_result(None)
    return done


def test_with_paper_accounts_only_there_are_three_cheap_looks(db):
    """For exits and marks, since paper accounts hold positions too; for what rests at the paper venue, whose market
    moves by these rounds; and for what rests by our own books."""
    factories.account()
    duties.at_venues()
    paper._contracts()
    losses.limited()
    with CaptureQueriesContext(connection) as asked:
        assert not rounds.waiting(now=now())
    statements = [each["sql"] for each in asked if "core_configurationversion" not in each["sql"]]
    assert len(statements) == 3
    assert "signals_exitplan" in statements[0]
    assert "signals_paperorder" in statements[1]
    assert "signals_order" in statements[2]


def test_a_venues_account_waits_for_its_comparison_until_somebody_is_at_it(desk):  # noqa: F811
    here = desk()
    assert duties.at_venues() == [here.account.pk]
    assert rounds.waiting(now=now())
    held = lease.acquire(name=rounds.NAME, seconds=4, now=now())
    assert not rounds.waiting(now=now())
    assert rounds.waiting(now=now() + timedelta(seconds=5))  # whoever had it has died
    lease.release(held)
    assert rounds.waiting(now=now())


def test_one_round_compares_what_is_due_and_nothing_else(desk):  # noqa: F811
    here, there = desk(), desk(slug="okx-2")
    ReconciliationCursor.objects.create(account=there.account, trades_until=now(), due_at=now() + timedelta(minutes=1))
    tender = rounds.Tender(duties.DUTIES, start=inline)
    assert tender.look(now=now()) == 1
    assert list(Reconciliation.objects.values_list("account", flat=True)) == [here.account.pk]
    assert there.venue.calls == []
    assert tender.look(now=now()) == 0


def test_retired_accounts_and_refused_keys_are_left_alone(desk):  # noqa: F811
    here, there = desk(), desk(slug="okx-2")
    here.account.retired_at = now()
    here.account.save()
    Credential.objects.create(
        account=there.account, sealed="x", fingerprint="x", host="example.com", set_at=now(), problem="bad key",
        next_check_at=now() + timedelta(hours=1),
    )  # fmt: skip
    AccountSync.objects.create(account=there.account, due_at=now() + timedelta(minutes=1))
    configuration.changed()
    assert duties.at_venues() == [there.account.pk]
    assert rounds.Tender(duties.DUTIES, start=inline).look(now=now()) == 0


def test_what_is_under_way_is_not_started_again_and_holds_nobody_up():
    gate, seen = threading.Event(), []
    jobs: list[threading.Thread] = []

    def run(account, at):
        seen.append(account)
        if account == 1:
            gate.wait(5)

    def start(duty, job):
        done: Future[None] = Future()
        thread = threading.Thread(target=lambda: (job(), done.set_result(None)))
        thread.start()
        jobs.append(thread)
        return done

    tender = rounds.Tender((Duty("slow", lambda at: [1, 2], run),), start=start)
    assert tender.look(now=now()) == 2
    jobs[1].join(5)
    assert tender.look(now=now()) == 1  # 2 again, while 1 is at it
    assert tender.busy
    gate.set()
    for job in jobs:
        job.join(5)
    assert not tender.busy
    assert sorted(seen) == [1, 2, 2]


def test_a_duty_that_fails_is_logged_and_the_others_are_done():
    done = []

    def fail(account, at):
        raise RuntimeError("a fault of ours")

    both = (Duty("one", lambda at: [1], fail), Duty("two", lambda at: [1], lambda account, at: done.append(account)))
    assert rounds.Tender(both, start=inline).look(now=now()) == 2
    assert done == [1]


def test_a_second_tender_goes_home(db):
    held = lease.acquire(name=rounds.NAME, seconds=4, now=now(), holder="elsewhere:1")
    assert rounds.tend(budget_seconds=0, linger_seconds=0) == 0
    assert lease.still_held(held, now=now())


def test_a_tender_gives_the_lease_back(db):
    rounds.tend(budget_seconds=0, linger_seconds=0)
    assert lease.acquire(name=rounds.NAME, seconds=4, now=now(), holder="elsewhere:1") is not None


def test_the_first_look_of_a_dispatcher_has_every_account_compared(desk):  # noqa: F811
    here = desk()
    starter = Starter()
    starter.look(now=now())
    row = ReconciliationCursor.objects.get()
    assert (row.account_id, row.asked_cause) == (here.account.pk, "start")
    ReconciliationCursor.objects.update(asked_at=None)
    starter.look(now=now())
    assert ReconciliationCursor.objects.get().asked_at is None


def test_orders_that_rest_are_seen_to_on_paper_too(db):
    account = factories.account()
    strategy = factories.strategy(accounts=[account])
    factories.order(account, strategy, status="OPEN")
    assert rounds.waiting(now=now())
    assert Account.objects.get().is_paper
    assert Order.objects.get().status == "OPEN"


def test_a_venue_that_hangs_takes_no_thread_from_another(db):
    hanging = [factories.account(f"okx-{number}", broker="okx", sandbox=True).pk for number in range(20)]
    healthy = factories.account("bybit-1", broker="bybit", sandbox=True).pk
    elsewhere = factories.account("okx-eu", broker="okx", sandbox=True, base_url="https://eea.okx.com").pk
    configuration.changed()
    gate, ran = threading.Event(), []
    seen = {key: threading.Event() for key in (healthy, elsewhere, duties.ALL)}

    def run(key, at):
        ran.append(key)
        if key in seen:
            seen[key].set()
        else:
            gate.wait(20)

    tender = rounds.Tender(
        [Duty(name, lambda at: [*hanging, *seen], run, prompt=prompt) for name, prompt in (("x", True), ("y", False))],
        start=rounds._in_thread,
    )
    try:
        assert tender.look(now=now()) == 46
        assert all(event.wait(5) for event in seen.values())
        tender.wait(0.2)
        assert len([key for key in ran if key in hanging]) == rounds._PROMPT + rounds._OTHERS
    finally:
        gate.set()
    tender.wait(5)
    # What had not begun is left to the next tender.
    assert len([key for key in ran if key in hanging]) == rounds._PROMPT + rounds._OTHERS
    assert not tender.busy
