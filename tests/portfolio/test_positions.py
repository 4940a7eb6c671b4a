"""A position is the sum of its fills."""

from decimal import Decimal

import pytest

from signals.models import Position
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
