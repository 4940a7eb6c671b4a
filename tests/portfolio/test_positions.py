"""A position is the sum of its fills."""

from decimal import Decimal

import pytest

from signals.models import ExternalPosition, Position, ReconciliationCursor, RoundTrip
from signals.portfolio import positions
from signals.portfolio.positions import Trade
from tests import factories
from tests.factories import NOW
from tradeops.core.money import Side

D = Decimal
pytestmark = pytest.mark.django_db


@pytest.fixture
def book():
    account = factories.account()
    strategy = factories.strategy(accounts=[account])

    def trade(side, quantity, price, *, position_side="long", fee="0", fee_currency="USDT", starts=False):
        return positions.book_fill(
            Trade(
                strategy_id=strategy.pk,
                account_id=account.pk,
                symbol="BTC/USDT",
                base="BTC",
                side=Side(side),
                position_side=Position.Side(position_side),
                quantity=D(quantity),
                price=D(price),
                fee=D(fee),
                fee_currency=fee_currency,
                at=NOW,
                starts_entry=starts,
            )
        )

    return trade


def test_entries_average_and_an_exit_realises(book):
    book("buy", "0.01", "50000", fee="0.5", starts=True)
    row = book("buy", "0.03", "54000", fee="1.62", starts=True)
    assert (row.quantity, row.average_price, row.entries) == (D("0.04"), D("53000"), 2)
    row = book("sell", "0.01", "55000", fee="0.55")
    row.refresh_from_db()
    assert (row.quantity, row.average_price) == (D("0.03"), D("53000"))
    assert (row.realised_pnl, row.fees) == (D("20"), D("2.67"))
    assert row.is_open


def test_a_fee_in_the_base_currency_lowers_the_quantity(book):
    row = book("buy", "1", "100", fee="0.001", fee_currency="BTC")
    # What the venue kept is paid for: 100 went out, 99.9 is held, so 0.1 was the fee.
    assert (row.quantity, row.average_price, row.fees) == (D("0.999"), D("100"), D("0.1"))


def test_flat_is_clean_but_keeps_its_totals(book):
    book("buy", "0.01", "50000", starts=True)
    row = book("sell", "0.01", "49000")
    row.refresh_from_db()
    assert (row.quantity, row.average_price, row.entries, row.is_open, row.opened_at) == (D("0"), None, 0, False, None)
    assert row.realised_pnl == D("-10")
    row = book("buy", "0.02", "48000", starts=True)
    assert (row.average_price, row.entries, row.realised_pnl) == (D("48000"), 1, D("-10"))


def test_a_short_earns_when_the_price_falls(book):
    book("sell", "2", "100", position_side="short", starts=True)
    row = book("buy", "1", "90", position_side="short")
    assert (row.quantity, row.realised_pnl) == (D("1"), D("10"))
    assert positions.unrealised(row) == D("10")


def test_what_closes_more_than_is_held_opens_the_other_side(book):
    book("buy", "1", "100", starts=True)
    book("sell", "3", "110", fee="0.3")
    sides = {row.side: row for row in Position.objects.all()}
    assert (sides["long"].quantity, sides["long"].realised_pnl, sides["long"].fees) == (D("0"), D("10"), D("0.3"))
    assert (sides["short"].quantity, sides["short"].average_price, sides["short"].fees) == (D("2"), D("110"), D("0"))


class TestMoreThanIsHeld:
    """Contracts: whether it opens the other side goes by how the account holds them."""

    @pytest.fixture
    def account(self):
        account = factories.account("okx-1", broker="okx", market="swap", sandbox=True)
        ReconciliationCursor.objects.create(account=account, trades_until=NOW, due_at=NOW, baseline_at=NOW)
        return account

    @pytest.fixture
    def book(self, account):
        strategy = factories.strategy(accounts=[account])

        def trade(side, quantity, position_side="long", *, hedges):
            return positions.book(
                Trade(
                    strategy_id=strategy.pk,
                    account_id=account.pk,
                    symbol="BTC/USDT:USDT",
                    base="",
                    side=Side(side),
                    position_side=Position.Side(position_side),
                    quantity=D(quantity),
                    price=D(100 if side == "buy" else 110),
                    fee=D("0.5"),
                    fee_currency="USDT",
                    at=NOW,
                    hedges=hedges,
                )
            )

        return trade

    @staticmethod
    def held():
        return {row.side: row.quantity for row in Position.objects.all()}

    @staticmethod
    def external():
        return {row.side: row.quantity for row in ExternalPosition.objects.all()}

    def test_one_way_the_rest_opens_the_other_side(self, book):
        book("buy", "2", hedges=lambda: False)
        taken, opened = book("sell", "3", hedges=lambda: False)
        assert (taken.quantity, taken.adds, opened.quantity, opened.adds) == (D(2), False, D(1), True)
        assert (self.held(), self.external()) == ({"long": D(0), "short": D(1)}, {})

    def test_side_by_side_the_rest_is_external(self, book):
        book("buy", "2", hedges=lambda: True)
        [taken] = book("sell", "3", hedges=lambda: True)
        assert (taken.quantity, taken.adds) == (D(2), False)
        assert (self.held(), self.external()) == ({"long": D(0)}, {"long": D(-1)})
        assert RoundTrip.objects.get().realised_pnl == D(20)
        assert Position.objects.get().fees == D(1)

    def test_of_a_short_position_too(self, book):
        book("sell", "2", "short", hedges=lambda: True)
        book("buy", "2.5", "short", hedges=lambda: True)
        assert (self.held(), self.external()) == ({"short": D(0)}, {"short": D("0.5")})

    def test_all_of_it_where_nothing_is_held(self, book):
        assert book("sell", "1", hedges=lambda: True) == []
        assert book("sell", "0.25", hedges=lambda: True) == []
        assert (self.held(), self.external()) == ({}, {"long": D("-1.25")})

    def test_before_the_first_comparison_nothing_is_counted_which_finds_it(self, book):
        ReconciliationCursor.objects.update(baseline_at=None)
        assert book("sell", "1", hedges=lambda: True) == []
        assert self.external() == {}

    def test_how_the_account_holds_them_is_asked_only_where_it_matters(self, book):
        def never():
            raise AssertionError("asked")

        book("buy", "2", hedges=never)
        book("sell", "2", hedges=never)
        assert self.held() == {"long": D(0)}
