"""What accounts hold at their venues: read, replaced, shown with its time, and a problem told once."""

from datetime import timedelta
from decimal import Decimal

import pytest

from accounts import credentials, sync
from accounts.brokers.base import Balance, BrokerRejected, BrokerTemporary, Rejection, VenuePosition
from accounts.models import Account, AccountBalance, AccountPosition, AccountSync, Credential
from tests import factories
from tests.accounts.conftest import VALUES
from tradeops.core import clock

# The readings run in threads, which do not see what a test's own transaction has not committed; they touch no rows.
D = Decimal
BTC = VenuePosition(
    symbol="BTC/USDT:USDT", side="long", quantity=D("0.5"), average_price=D(50000), mark_price=D(51000),
    unrealised_pnl=D(500), liquidation_price=D(30000), leverage=D(3), margin_mode="cross",
)  # fmt: skip


@pytest.fixture
def stored(account, told):
    credentials.store(account=account, values=VALUES, by="ann", now=clock.now())
    del told[:]
    return account


def run(**later):
    return sync.run(now=clock.now() + timedelta(**later))


def held():
    return {row.currency: (row.total, row.free) for row in AccountBalance.objects.all()}


def positions():
    return {(row.symbol, row.side): row.quantity for row in AccountPosition.objects.all()}


def test_balances_positions_and_equity_are_stored(stored, venue, told):
    venue.balances = {"USDT": Balance(total=D("1000.5"), free=D(900)), "BTC": Balance(total=D("0.1"), free=D("0.1"))}
    venue.positions = (BTC,)
    venue.prices = {"BTC/USDT": D(51000)}
    assert sync.waiting(now=clock.now()) is True
    assert run() == 1
    assert held() == {"USDT": (D("1000.5"), D(900)), "BTC": (D("0.1"), D("0.1"))}
    [position] = AccountPosition.objects.all()
    assert (position.symbol, position.side, position.quantity, position.average_price) == (
        "BTC/USDT:USDT", "long", D("0.5"), D(50000),
    )  # fmt: skip
    assert (position.mark_price, position.unrealised_pnl, position.liquidation_price, position.leverage) == (
        D(51000), D(500), D(30000), D(3),
    )  # fmt: skip
    row = AccountSync.objects.get()
    assert (row.equity, row.problem, row.asked_at) == (D("6100.5"), "", None)
    assert timedelta(seconds=55) < row.due_at - clock.now() <= timedelta(seconds=60)
    assert sync.waiting(now=clock.now()) is False
    assert (run(), run(seconds=61)) == (0, 1)
    assert told == []


def test_a_share_is_priced_by_its_own_symbol(stored, venue):
    venue.balances = {"USDT": Balance(total=D(100), free=D(100)), "AAPL": Balance(total=D(3), free=D(3))}
    venue.prices = {"AAPL": D("200.5")}
    run()
    assert AccountSync.objects.get().equity == D("701.5")


def test_what_is_gone_goes_and_what_is_there_is_written_anew(stored, venue):
    venue.balances = {"USDT": Balance(total=D(1), free=D(1)), "ETH": Balance(total=D(1), free=D(1))}
    venue.positions = (BTC,)
    run()
    venue.balances = {"USDT": Balance(total=D(2), free=D(1)), "ETH": Balance(total=D(0), free=D(0))}
    venue.positions = (VenuePosition(symbol="ETH/USDT:USDT", side="short", quantity=D(2)),)
    run(seconds=61)
    assert held() == {"USDT": (D(2), D(1))}
    assert positions() == {("ETH/USDT:USDT", "short"): D(2)}
    assert AccountSync.objects.get().equity == D(2)


def test_two_positions_of_one_symbol_and_side_are_shown_as_one(stored, venue):
    other = VenuePosition(
        symbol="BTC/USDT:USDT", side="long", quantity=D("1.5"), average_price=D(54000), unrealised_pnl=D(100),
        margin_mode="isolated",
    )  # fmt: skip
    venue.positions = (BTC, other, VenuePosition(symbol="ETH/USDT:USDT", side="long", quantity=D(0)))
    run()
    [row] = AccountPosition.objects.all()
    assert (row.quantity, row.average_price, row.unrealised_pnl, row.margin_mode) == (D(2), D(53000), D(600), "")


def test_without_a_price_of_everything_there_is_no_equity(stored, venue):
    venue.balances = {"USDT": Balance(total=D(1), free=D(1)), "ODD": Balance(total=D(5), free=D(5))}
    run()
    assert AccountSync.objects.get().equity is None
    assert set(held()) == {"USDT", "ODD"}


def test_a_moments_silence_is_kept_and_not_told_and_what_was_read_stays(stored, venue, told):
    venue.balances = {"USDT": Balance(total=D(1), free=D(1))}
    run()
    read_at = AccountSync.objects.get().synced_at
    venue.balances = BrokerTemporary("no answer")
    run(seconds=61)
    row = AccountSync.objects.get()
    assert (row.problem, row.synced_at, row.told_at) == ("no answer", read_at, None)
    assert row.problem_since is not None
    assert held() == {"USDT": (D(1), D(1))}
    assert told == []


def test_a_lasting_silence_is_told_once_and_its_end_too(stored, venue, told):
    venue.balances = BrokerTemporary("no answer")
    run()
    AccountSync.objects.update(problem_since=clock.now() - sync.TOLD_AFTER)
    run(seconds=61)
    run(seconds=122)
    assert told == [("account.sync", "error", "real-1 cannot be read: no answer")]
    venue.balances = {}
    AccountSync.objects.update(due_at=clock.now())
    run()
    assert told[1:] == [("account.sync", "info", "real-1 is read from its venue again")]
    row = AccountSync.objects.get()
    assert (row.problem, row.problem_since, row.told_at) == ("", None, None)


def test_a_refused_key_is_told_at_once_and_not_asked_again_each_minute(stored, venue, told):
    venue.balances = BrokerRejected("the key is bound to other addresses", code=Rejection.ADDRESS_REFUSED)
    run()
    assert told == [("account.sync", "error", "real-1 cannot be read: the key is bound to other addresses")]
    asked = len(venue.asked)
    assert run(minutes=9) == 0
    assert len(venue.asked) == asked


def test_a_key_with_a_known_problem_is_not_tried(stored, venue, told):
    Credential.objects.update(problem="the key is wrong")
    assert run() == 0
    assert AccountSync.objects.get().problem == "the key is wrong"
    assert (venue.asked, told) == ([], [])


def test_an_account_whose_key_may_withdraw_is_still_shown(stored, venue):
    Credential.objects.update(problem=credentials.WITHDRAWS)
    venue.balances = {"USDT": Balance(total=D(1), free=D(1))}
    assert run() == 1
    assert held() == {"USDT": (D(1), D(1))}


def test_asked_for_it_is_read_before_its_time(stored, venue):
    run()
    assert run() == 0
    sync.ask(account=stored, now=clock.now())
    assert AccountSync.objects.get().asked_at is not None
    assert run() == 1
    assert AccountSync.objects.get().asked_at is None


def test_one_sick_account_does_not_keep_the_others(stored, venue, told):
    other = factories.account("real-2", broker="keyed", market="swap", sandbox=True)
    credentials.store(account=other, values=VALUES, by="ann", now=clock.now())
    Credential.objects.filter(account=other).update(sealed="v1:00000000:AAAA")
    venue.balances = {"USDT": Balance(total=D(1), free=D(1))}
    assert run() == 1
    assert AccountSync.objects.get(account=stored).problem == ""
    assert AccountSync.objects.get(account=other).problem.startswith("the credentials were sealed for the key pair")


def test_a_bug_in_an_adapter_is_a_problem_of_that_account_only(stored, venue):
    venue.positions = RuntimeError("a bug")
    assert run() == 1
    assert AccountSync.objects.get().problem == (
        "reading it failed (RuntimeError); the log of the trade workers says more"
    )


@pytest.mark.parametrize("change", [{"retired_at": clock.now()}])
def test_a_retired_account_and_one_without_credentials_are_left_alone(stored, venue, change):
    factories.account("paper-1")
    run()
    del venue.asked[:]
    Account.objects.filter(pk=stored.pk).update(**change)
    assert sync.waiting(now=clock.now() + timedelta(hours=1)) is False
    assert run(hours=1) == 0
    assert venue.asked == []
    assert AccountSync.objects.count() == 1
