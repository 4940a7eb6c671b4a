"""`Test connection`: what a key may do is asked of the venue, kept, told once, and asked again daily (X9)."""

from dataclasses import replace
from datetime import timedelta

import pytest

from accounts import connection, credentials
from accounts.brokers.base import BrokerRejected, BrokerTemporary, BrokerUnknown, KeyFacts, Rejection
from accounts.models import Account, AccountSync, Credential
from tests import factories
from tests.accounts.conftest import VALUES
from tests.fakes.keyed_broker import GOOD
from tradeops.core import clock
from tradeops.core.models import ConfigurationVersion


@pytest.fixture
def stored(account, told):
    credentials.store(account=account, values=VALUES, by="ann", now=clock.now())
    del told[:]
    return account


def run():
    return connection.run_asked(now=clock.now())


def row():
    return Credential.objects.get()


def test_a_good_key_is_asked_for_its_permissions_with_what_was_set(stored, venue, told):
    assert connection.waiting(now=clock.now()) is True
    assert run() == 1
    assert venue.asked == [("real-1", "key", VALUES)]
    found = row()
    assert (found.problem, found.test_result, found.test_asked_at) == ("", "it works; the key may read, trade", None)
    assert found.facts == {
        "read": True, "trade": True, "withdraw": False, "ip_bound": True, "position_mode": "one_way",
        "account": "uid 7", "notes": [],
    }  # fmt: skip
    assert found.checked_at is not None
    assert told == []
    # And again in a day, not before.
    assert timedelta(hours=23) < found.next_check_at - clock.now() <= timedelta(hours=24)
    assert connection.waiting(now=clock.now()) is False
    assert run() == 0
    assert connection.run_asked(now=clock.now() + timedelta(hours=24, minutes=1)) == 1


def test_a_key_that_can_withdraw_is_refused_and_critical_and_told_once(stored, venue, told):
    venue.facts = replace(GOOD, withdraw=True)
    run()
    assert row().problem == credentials.WITHDRAWS
    assert row().facts["withdraw"] is True
    assert told == [("account.connection", "critical", f"real-1 cannot trade: {credentials.WITHDRAWS}")]
    account = Account.objects.select_related("credential").get()
    assert credentials.problem_of(account).startswith("without usable credentials: the key may withdraw")
    credentials.ask_test(account=account, now=clock.now())
    assert run() == 1
    assert len(told) == 1


def test_a_key_without_an_address_may_be_used_and_is_warned_about_once(stored, venue, told):
    venue.facts = replace(GOOD, ip_bound=False)
    run()
    assert row().problem == ""
    assert [(name, level) for name, level, _ in told] == [("account.connection", "warning")]
    assert "14 days" in told[0][2]
    credentials.ask_test(account=stored, now=clock.now())
    run()
    assert len(told) == 1


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        (replace(GOOD, trade=False), "the key may not trade: give it that permission at the venue"),
        (replace(GOOD, read=False), "the key may not read the account: give it that permission at the venue"),
    ],
)
def test_a_key_that_may_too_little_is_refused(stored, venue, facts, said):
    venue.facts = facts
    run()
    assert row().problem == said


def test_what_the_venue_does_not_tell_stays_unknown(stored, venue, settings):
    venue.facts = KeyFacts(read=True)
    run()
    assert (row().problem, row().test_result) == ("", "it works; the key may read")
    settings.TRADING = "live"
    Account.objects.update(sandbox=False)
    problem = credentials.problem_of(Account.objects.select_related("credential").get())
    assert problem == "without a key whose permissions are known: the venue does not tell about trade and withdraw"


@pytest.mark.parametrize(
    "code", [Rejection.BAD_KEY, Rejection.BAD_PASSPHRASE, Rejection.ADDRESS_REFUSED, Rejection.CLOCK]
)
def test_a_refusal_is_a_problem_and_no_storm(stored, venue, told, code):
    venue.facts = BrokerRejected("the venue does not take the key: check it", code=code)
    run()
    assert (row().problem, row().checked_at) == ("the venue does not take the key: check it", None)
    assert told == [
        ("account.connection", "critical", "real-1 cannot trade: the venue does not take the key: check it")
    ]
    assert row().next_check_at - clock.now() > timedelta(minutes=50)
    assert connection.run_asked(now=clock.now() + timedelta(minutes=30)) == 0
    assert len(venue.asked) == 1


@pytest.mark.parametrize("error", [BrokerTemporary("no answer"), BrokerUnknown("no answer"), RuntimeError("a bug")])
def test_what_brings_no_answer_changes_nothing_that_is_known(stored, venue, told, error):
    run()
    before = row()
    venue.facts = error
    credentials.ask_test(account=stored, now=clock.now())
    run()
    found = row()
    assert (found.problem, found.facts, found.checked_at) == ("", before.facts, before.checked_at)
    assert found.test_result in (
        "the venue did not answer: no answer",
        "the test itself failed (RuntimeError); the log of the trade workers says more",
    )
    assert found.test_asked_at is None
    assert timedelta(minutes=1) < found.next_check_at - clock.now() < timedelta(minutes=3)
    assert told == []


def test_a_key_that_was_mended_trades_again_and_its_account_is_read_at_once(stored, venue, told):
    venue.facts = BrokerRejected("wrong key", code=Rejection.BAD_KEY)
    run()
    later = clock.now() + timedelta(hours=1)
    AccountSync.objects.create(account=stored, problem="wrong key", due_at=later)
    venue.facts = GOOD
    credentials.ask_test(account=stored, now=clock.now())
    run()
    assert row().problem == ""
    assert told[-1] == ("account.connection", "info", "real-1 can trade again: its connection works")
    assert AccountSync.objects.get().due_at < later


def test_credentials_set_while_the_old_ones_are_tested_are_not_judged_by_them(stored, venue, told):
    def replace_them():
        venue.while_asked = None
        credentials.store(account=stored, values={**VALUES, "secret": "another-one"}, by="bob", now=clock.now())

    venue.facts = replace(GOOD, withdraw=True)
    venue.while_asked = replace_them
    run()
    found = row()
    assert (found.problem, found.facts, found.tested_at) == ("", {}, None)
    assert found.test_asked_at is not None
    assert [name for name, _, _ in told] == ["account.credentials_set"]
    venue.facts = GOOD
    assert run() == 1
    assert venue.asked[-1] == ("real-1", "key", {**VALUES, "secret": "another-one"})
    assert row().problem == ""


def test_erased_while_tested_comes_to_nothing(stored, venue, told):
    venue.while_asked = lambda: credentials.erase(account=stored, reason="it was lost", by="bob", now=clock.now())
    assert run() == 1
    assert not Credential.objects.exists()
    assert [name for name, _, _ in told] == ["account.credentials_erased"]


def test_two_callers_never_test_one_account_side_by_side(stored, venue):
    inner = []
    venue.while_asked = lambda: inner.append(run())
    assert run() == 1
    assert inner == [0]
    assert len(venue.asked) == 1


def test_what_a_killed_worker_had_claimed_is_tested_a_minute_later(stored, venue):
    Credential.objects.update(next_check_at=clock.now() + connection.CLAIMED)
    assert run() == 0
    assert connection.run_asked(now=clock.now() + timedelta(seconds=61)) == 1


def test_a_retired_account_is_left_alone(stored, venue):
    Account.objects.update(retired_at=clock.now())
    assert connection.waiting(now=clock.now()) is False
    assert run() == 0
    assert venue.asked == []


def test_credentials_that_do_not_open_here_say_so(stored, venue):
    Credential.objects.update(sealed="v1:00000000:AAAA")
    run()
    assert row().problem.startswith("the credentials were sealed for the key pair 00000000")
    assert venue.asked == []


def version():
    return ConfigurationVersion.objects.values_list("version", flat=True).get()


def test_who_keeps_accounts_in_memory_learns_of_a_problem_and_of_its_end_and_of_nothing_else(stored, venue):
    before = version()
    run()
    assert version() == before + 1  # now it is known what the key may do
    for facts, grown in (
        (GOOD, 0),
        (replace(GOOD, ip_bound=False), 0),
        (BrokerTemporary("no answer"), 0),
        (replace(GOOD, withdraw=True), 1),
        (replace(GOOD, withdraw=True), 0),
        (GOOD, 1),
        (replace(GOOD, withdraw=None), 1),
    ):
        before, venue.facts = version(), facts
        credentials.ask_test(account=stored, now=clock.now())
        assert run() == 1
        assert version() - before == grown, facts


def test_a_strategys_entries_are_refused_as_soon_as_the_key_has_a_problem(stored, venue):
    from signals.pipeline import plans

    strategy = factories.strategy(accounts=[stored])
    [account] = plans.of(strategy.pk).accounts
    assert credentials.problem_of(account) == ""
    venue.facts = replace(GOOD, withdraw=True)
    run()
    [account] = plans.of(strategy.pk).accounts
    assert credentials.problem_of(account).startswith("without usable credentials: the key may withdraw")
