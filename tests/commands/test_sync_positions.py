"""`manage.py sync_positions`: asks, waits, shows, and its exit code says how it went."""

from __future__ import annotations

import json
import threading
from datetime import UTC, datetime
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from accounts.models import Account
from signals.models import Reconciliation, ReconciliationCursor
from signals.reconciliation import run as reconciliation
from tests import factories
from tests.reconciliation.conftest import SWAP, desk  # noqa: F401
from tests.reconciliation.venue import Side, timeout


def run(*arguments: str) -> tuple[str, CommandError | None]:
    out = StringIO()
    try:
        call_command("sync_positions", *arguments, stdout=out)
    except CommandError as error:
        return out.getvalue(), error
    return out.getvalue(), None


@pytest.fixture
def worker(transactional_db):
    """A trade worker beside the command, in a thread of its own."""
    over = threading.Event()

    def work(accounts) -> None:
        while not over.wait(0.02):
            for account in Account.objects.filter(pk__in=accounts):
                reconciliation.run(account, now=datetime.now(UTC), pause=lambda seconds: None)
        connection.close()

    threads = []

    def start(*desks) -> None:
        threads.append(threading.Thread(target=work, args=([here.account.pk for here in desks],)))
        threads[-1].start()

    yield start
    over.set()
    for thread in threads:
        thread.join(10)


def test_everything_agrees(worker, desk):  # noqa: F811
    here = desk()
    here.filled("buy", "2")
    worker(here)
    said, error = run()
    assert error is None
    assert said.splitlines()[0].split() == ["account", "outcome", "orders", "new", "trades", "positions", "took"]
    assert said.splitlines()[1].split()[:5] == ["okx-1", "agrees", "0", "0", "1"]


def test_what_differs_is_listed_and_is_exit_code_1(worker, desk):  # noqa: F811
    here = desk()
    here.seen()
    here.venue.move(SWAP, Side.BUY, 3)
    worker(here)
    said, error = run("okx-1", "--json")
    assert error.returncode == 1
    [found] = json.loads(said)
    assert (found["account"], found["outcome"], found["problem"]) == ("okx-1", "differs", "")
    assert [(row["symbol"], row["ours"], row["venue"]) for row in found["differences"]] == [(SWAP, "0", "3")]
    said, error = run("okx-1")
    assert "here 0, at the venue 3" in said


def test_a_venue_that_does_not_answer_is_exit_code_3(worker, desk):  # noqa: F811
    here = desk()
    here.venue.down = timeout()
    worker(here)
    _, error = run()
    assert error.returncode == 3
    assert "okx-1: the venue did not answer within 10 s." in str(error)


def test_a_comparison_that_was_killed_is_not_the_answer(worker, desk):  # noqa: F811
    here = desk()

    def killed() -> None:
        here.venue.meanwhile = None
        Reconciliation.objects.update(finished_at=here.now(), problem="interrupted")
        ReconciliationCursor.objects.update(claim_token="", lease_until=None)

    here.venue.meanwhile = killed
    worker(here)
    said, error = run("--json")
    assert (error, json.loads(said)[0]["outcome"]) == (None, "agrees")
    assert sorted(Reconciliation.objects.values_list("problem", flat=True))[-1] == "interrupted"


def test_without_a_worker_it_gives_up_and_says_so(desk):  # noqa: F811
    desk()
    _, error = run("--timeout", "0")
    assert error.returncode == 3
    assert "is the portal running?" in str(error)
    assert ReconciliationCursor.objects.get().asked_at is not None
    assert not Reconciliation.objects.exists()


@pytest.mark.parametrize(("slug", "said"), [("nobody", "does not exist"), ("paper-1", "keeps its books here")])
def test_an_account_that_cannot_be_compared_is_exit_code_2(desk, slug, said):  # noqa: F811
    desk()
    factories.account("paper-1")
    _, error = run(slug)
    assert error.returncode == 2
    assert said in str(error)
    assert not ReconciliationCursor.objects.exists()


def test_with_paper_accounts_only_there_is_nothing_to_compare(db):
    factories.account()
    said, error = run()
    assert (error, said.strip()) == (None, "No account keeps its books at a venue: there is nothing to compare.")
