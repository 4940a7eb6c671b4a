"""What was put into an account and taken out: with the balances that have it in them, once by the venue's id (D3)."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from accounts import credentials, sync, transfers
from accounts.admin import account_page
from accounts.brokers.base import Balance, BrokerRejected, BrokerTemporary, Rejection, Transfer
from accounts.models import AccountSync, AccountTransfer
from tests import factories
from tests.accounts.conftest import VALUES
from tests.fakes import keyed_broker
from tradeops.core import clock

D = Decimal


@pytest.fixture
def banking(settings, db):
    settings.BROKERS = {**settings.BROKERS, "banking": "tests.fakes.keyed_broker.BankingBroker"}
    venue = keyed_broker.reset()
    account = factories.account("real-1", broker="banking", market="swap", sandbox=True, prices="")
    credentials.store(account=account, values=VALUES, by="ann", now=clock.now())
    venue.balances = {"USDT": Balance(total=D(1000), free=D(1000))}
    yield venue, account
    keyed_broker.reset()


def put(name, amount, currency="USDT", *, minutes_ago=0):
    return Transfer(id=name, currency=currency, amount=D(amount), at=clock.now() - timedelta(minutes=minutes_ago))


def run(**later):
    return sync.run(now=clock.now() + timedelta(**later))


def listed():
    return [(row.transfer_id, row.amount, row.worth) for row in AccountTransfer.objects.order_by("id")]


def asked(venue):
    return [what for _, what, _ in venue.asked]


def test_what_was_there_before_the_first_list_is_on_record_and_told_from_nothing(banking):
    venue, account = banking
    venue.transfers = (put("old", 500, minutes_ago=60),)
    assert run() == 1
    row = AccountSync.objects.get()
    assert (listed(), row.transfers_from, row.transfers_problem) == ([("old", D(500), D(500))], row.synced_at, "")
    assert transfers.between(account, after=row.synced_at - timedelta(hours=1), until=row.synced_at) == 0


def test_each_is_between_the_two_readings_that_it_lies_between_and_once(banking):
    venue, account = banking
    run()
    first = AccountSync.objects.get().synced_at
    venue.transfers = (put("a", -300), put("b", 50))
    run(seconds=61)
    second = AccountSync.objects.get().synced_at
    run(seconds=122)
    third = AccountSync.objects.get().synced_at
    assert listed() == [("a", D(-300), D(-300)), ("b", D(50), D(50))]
    assert [
        transfers.between(account, after=after, until=until)
        for after, until in ((first, second), (second, third), (first, third), (second, second))
    ] == [D(-250), D(0), D(-250), D(0)]


def test_balances_are_read_again_where_one_came_between_them_and_the_list(banking):
    """Listed after the first look at the balances: it must be in those that are stored with it."""
    venue, _ = banking
    run()
    del venue.asked[:]
    late = put("late", -400)
    venue.transfers = [(late,), (late,)]
    venue.while_asked = lambda: venue.__dict__.update(
        balances={"USDT": Balance(total=D(600), free=D(600))} if "transfers" in asked(venue) else venue.balances
    )
    run(seconds=61)
    assert asked(venue) == ["balances", "positions", "transfers", "balances", "positions", "transfers"]
    assert (AccountSync.objects.get().equity, listed()) == (D(600), [("late", D(-400), D(-400))])


def test_coins_are_worth_the_price_of_now_and_what_has_none_is_nothing(banking):
    venue, _ = banking
    venue.prices = {"BTC/USDT": D(50000)}
    venue.transfers = (put("coin", "-0.5", "BTC"),)
    run()
    assert listed() == [("coin", D("-0.5"), D(-25000))]


def test_without_a_price_for_a_moment_nothing_is_stored_until_there_is_one(banking):
    """A withdrawal counted as nothing would be a loss."""
    venue, _ = banking
    run()
    before = AccountSync.objects.get()
    venue.transfers = (put("coin", "-0.5", "BTC"),)
    run(seconds=61)
    row = AccountSync.objects.get()
    assert (row.synced_at, row.problem, listed()) == (before.synced_at, "no price of BTC/USDT", [])
    venue.prices = {"BTC/USDT": D(50000)}
    run(seconds=122)
    assert listed() == [("coin", D("-0.5"), D(-25000))]


def test_a_list_that_fails_for_a_moment_keeps_the_reading_before_it(banking):
    venue, _ = banking
    run()
    before = AccountSync.objects.get().synced_at
    venue.transfers = BrokerTemporary("no answer")
    venue.balances = {"USDT": Balance(total=D(1), free=D(1))}
    run(seconds=61)
    row = AccountSync.objects.get()
    assert (row.synced_at, row.equity, row.problem) == (before, D(1000), "no answer")


@pytest.mark.parametrize(
    "error", [BrokerRejected("the key may not", code=Rejection.NO_PERMISSION), BrokerTemporary("there is no such list")]
)
def test_where_they_were_never_listed_balances_are_read_all_the_same_and_the_reason_is_kept(banking, error):
    venue, _ = banking
    venue.transfers = error
    run()
    row = AccountSync.objects.get()
    assert (row.equity, row.problem, row.transfers_from, row.transfers_problem) == (D(1000), "", None, str(error))


def test_after_a_refusal_they_begin_anew(banking):
    venue, account = banking
    run()
    first = AccountSync.objects.get().synced_at
    venue.transfers = BrokerRejected("the key may not", code=Rejection.NO_PERMISSION)
    run(seconds=61)
    assert AccountSync.objects.get().transfers_from is None
    venue.transfers = (put("meanwhile", -9),)
    run(seconds=122)
    row = AccountSync.objects.get()
    assert (row.transfers_from, row.transfers_problem) == (row.synced_at, "")
    assert transfers.between(account, after=first, until=row.synced_at) == 0  # the readings have it in them


def test_a_venue_that_lists_none_says_so(banking, settings):
    _, account = banking
    settings.BROKERS = {**settings.BROKERS, "banking": "tests.fakes.keyed_broker.KeyedBroker"}
    account.broker = "banking"
    run()
    assert AccountSync.objects.get().transfers_problem == "transfers cannot be read from this venue"


def test_the_accounts_page_shows_the_last_ones_and_why_there_are_none(banking):
    venue, account = banking
    run()
    venue.transfers = tuple(put(f"t{number}", number, minutes_ago=number) for number in range(1, 13))
    run(seconds=61)
    assert [row.transfer_id for row in account_page.context(account)["transfers"]] == [f"t{n}" for n in range(1, 11)]
