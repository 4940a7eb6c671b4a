"""What an account is worth and has lost: unrealised included, transfers excluded, by its own day (D3)."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from accounts.brokers.base import Quote
from accounts.brokers.registry import broker_for
from accounts.models import AccountSync
from signals.models import AccountEquity, EquityDay, EquityPoint, PaperBalance, PaperMove, PaperPosition, Position
from signals.paper import rounds
from signals.portfolio import equity
from tests import factories

D = Decimal
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)

pytestmark = pytest.mark.django_db


def hold(account, **amounts):
    for currency, amount in amounts.items():
        PaperBalance.objects.update_or_create(account=account, currency=currency, defaults={"amount": D(amount)})


def held(account, symbol="BTC/USDT", *, mark, quantity="1", at=NOON):
    return Position.objects.create(
        strategy=factories.strategy(f"s{Position.objects.count()}"), account=account, symbol=symbol, side="long",
        quantity=D(quantity), average_price=D(1), mark_price=D(mark), marked_at=at, is_open=True, updated_at=at,
    )  # fmt: skip


class TestValue:
    def test_cash_alone(self):
        account = factories.account()
        assert equity.refresh(account, now=NOON).equity == D(100000)

    def test_coins_count_at_their_last_mark_where_no_source_has_a_price(self):
        account = factories.account()
        hold(account, USDT="40000", BTC="1.5")
        held(account, mark="50000.5")
        assert equity.refresh(account, now=NOON).equity == D("115000.75")

    def test_what_the_caller_has_just_read_comes_first(self):
        account = factories.account()
        hold(account, USDT="0", BTC="2")
        held(account, mark="50000")
        assert equity.refresh(account, now=NOON, marks={"BTC/USDT": D(60000)}).equity == D(120000)

    def test_a_share_is_priced_by_its_own_symbol(self):
        account = factories.account(currency="USD", initial_balances={"USD": "1000"})
        hold(account, USD="100", AAPL="3")
        held(account, "AAPL", mark="200")
        assert equity.refresh(account, now=NOON).equity == D(700)

    def test_the_accounts_source_is_asked(self):
        account = factories.account(prices="simulated")
        hold(account, USDT="0", BTC="1")
        from signals.market.simulated import SimulatedPrices

        assert equity.refresh(account, now=NOON).equity == SimulatedPrices().price("BTC/USDT", NOON)

    def test_without_a_price_it_is_not_told_and_what_was_stored_stays(self):
        account = factories.account()
        equity.refresh(account, now=NOON)
        hold(account, DOGE="5")
        assert equity.refresh(account, now=NOON + timedelta(seconds=30)) is None
        row = AccountEquity.objects.get(account=account)
        assert (row.equity, row.at, row.problem) == (D(100000), NOON, "there is no price of DOGE")

    def test_a_venues_account_is_what_its_last_look_said(self):
        account = factories.account("okx-1", broker="okx", market="swap", sandbox=True)
        assert equity.refresh(account, now=NOON) is None
        assert not AccountEquity.objects.exists()
        read_at = NOON - timedelta(seconds=20)
        AccountSync.objects.create(account=account, due_at=NOON, synced_at=read_at, equity=D("1234.5"))
        found = equity.refresh(account, now=NOON)
        assert (found.equity, found.at) == (D("1234.5"), read_at)


class TestDays:
    def test_a_loss_is_from_the_days_opening_and_a_drawdown_from_the_peak(self):
        account = factories.account()
        for minutes, worth in ((0, "100000"), (1, "104000"), (2, "97000")):
            equity.store(account, D(worth), at=NOON + timedelta(minutes=minutes))
        found = equity.read({account.pk: account})[account.pk]
        assert (found.loss, found.drawdown) == (D(3000), D(7000))
        day = EquityDay.objects.get()
        assert (day.day, day.opening, day.highest, day.lowest, day.latest) == (
            date(2026, 3, 2), D(100000), D(104000), D(97000), D(97000),
        )  # fmt: skip

    def test_a_day_begins_by_the_accounts_own_clock(self):
        account = factories.account(time_zone="America/New_York")
        before = datetime(2026, 3, 3, 4, 59, 50, tzinfo=UTC)  # 23:59:50 on the 2nd
        equity.store(account, D(100), at=before)
        equity.store(account, D(90), at=before + timedelta(seconds=20))
        assert list(EquityDay.objects.order_by("day").values_list("day", "opening")) == [
            (date(2026, 3, 2), D(100)), (date(2026, 3, 3), D(100)),
        ]  # fmt: skip
        assert equity.read({account.pk: account})[account.pk].loss == D(10)

    def test_the_day_the_clocks_change_is_one_day(self):
        account = factories.account(time_zone="America/New_York")
        for hour in (4, 5, 10, 27):  # 2026-03-08: 23:00 the day before, 00:00 EST, 06:00 EDT, 23:00 EDT
            equity.store(account, D(100), at=datetime(2026, 3, 8, tzinfo=UTC) + timedelta(hours=hour))
        assert list(EquityDay.objects.order_by("day").values_list("day", flat=True)) == [
            date(2026, 3, 7), date(2026, 3, 8),
        ]  # fmt: skip

    def test_after_a_pause_over_midnight_the_first_reading_opens_the_day(self):
        account = factories.account()
        equity.store(account, D(100), at=datetime(2026, 3, 2, 23, 49, 59, tzinfo=UTC))
        equity.store(account, D(90), at=datetime(2026, 3, 3, 8, tzinfo=UTC))
        assert equity.read({account.pk: account})[account.pk].loss == 0

    def test_an_older_reading_changes_nothing(self):
        account = factories.account()
        equity.store(account, D(100), at=NOON)
        equity.store(account, D(50), at=NOON - timedelta(seconds=1))
        assert equity.read({account.pk: account})[account.pk].equity == D(100)
        assert EquityDay.objects.get().lowest == D(100)

    def test_the_curve_has_a_point_each_five_minutes(self):
        account = factories.account()
        for seconds in (0, 30, 299, 300, 330, 600):
            equity.store(account, D(seconds), at=NOON + timedelta(seconds=seconds))
        assert list(EquityPoint.objects.order_by("at").values_list("equity", flat=True)) == [D(0), D(300), D(600)]


class TestTransfers:
    def test_a_deposit_is_no_gain_and_a_withdrawal_no_loss(self):
        account = factories.account()
        equity.refresh(account, now=NOON)
        hold(account, USDT="30000")
        PaperMove.objects.create(
            account=account, cause="deposit", currency="USDT", amount=D(-70000), at=NOON + timedelta(seconds=5)
        )
        found = equity.refresh(account, now=NOON + timedelta(seconds=30))
        assert (found.equity, found.loss, found.drawdown) == (D(30000), D(0), D(0))
        # It counts once.
        found = equity.refresh(account, now=NOON + timedelta(seconds=60))
        assert (found.equity, found.loss, found.drawdown) == (D(30000), D(0), D(0))

    def test_funding_is_a_cost(self):
        account = factories.account()
        equity.refresh(account, now=NOON)
        hold(account, USDT="99990")
        PaperMove.objects.create(
            account=account, cause="funding", currency="USDT", amount=D(-10), at=NOON + timedelta(seconds=5)
        )
        assert equity.refresh(account, now=NOON + timedelta(seconds=30)).loss == D(10)

    def test_what_an_insurance_fund_takes_over_is_no_deposit(self):
        """An isolated margin of 100 that a gap costs 150: 100 are lost, whoever pays the rest."""
        account = factories.account(market="swap", initial_balances={"USDT": "1000"})
        symbol = "BTC/USDT:USDT"
        equity.refresh(account, now=NOON)
        position = PaperPosition.objects.create(
            account=account, symbol=symbol, quantity=D(10), average_price=D(100), mark_price=D(100), leverage=D(10),
            margin_mode="isolated", margin=D(100), funded_at=NOON, updated_at=NOON,
        )  # fmt: skip
        gap = NOON + timedelta(seconds=5)
        quote = Quote(symbol=symbol, bid=D(85), ask=D(85), last=D(85), at=gap, source="test")
        rounds.take(account, quote, now=gap)
        position.refresh_from_db()
        [move] = PaperMove.objects.all()
        assert (position.quantity, move.cause, move.amount) == (D(0), "insurance", D(50))
        found = equity.refresh(account, now=NOON + timedelta(seconds=30))
        assert (found.equity, found.loss, found.drawdown) == (D(900), D(100), D(100))
        assert broker_for(account).transfers(since=NOON) == ()


@pytest.mark.parametrize(
    ("part", "whole", "percent"), [("5", "100", "5"), ("0", "0", "0"), ("1", "0", "100"), ("-5", "100", "-5")]
)
def test_a_share_in_percent(part, whole, percent):
    assert equity.share(D(part), D(whole)) == D(percent)


class TestContracts:
    """A paper account of swaps: what is in cash and what its positions have gained or lost."""

    @pytest.mark.parametrize(("quantity", "gain"), [("0.5", "1000"), ("-0.5", "-1000")])
    def test_unrealised_is_included(self, quantity, gain):
        account = factories.account(market="swap")
        PaperPosition.objects.create(
            account=account, symbol="BTC/USDT:USDT", quantity=D(quantity), average_price=D(50000),
            mark_price=D(52000), updated_at=NOON,
        )  # fmt: skip
        assert equity.refresh(account, now=NOON).equity == D(100000) + D(gain)

    def test_at_the_price_of_now_where_there_is_one(self):
        account = factories.account(market="swap")
        PaperPosition.objects.create(
            account=account, symbol="BTC/USDT:USDT", quantity=D(1), average_price=D(50000), mark_price=D(52000),
            updated_at=NOON,
        )  # fmt: skip
        assert equity.refresh(account, now=NOON, marks={"BTC/USDT:USDT": D(49000)}).equity == D(99000)
