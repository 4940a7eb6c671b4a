"""A paper account's fresh start, and its deposits."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from accounts.brokers.registry import broker_for
from signals.execution import submit
from signals.models import PaperBalance, PaperMove, PaperOrder
from signals.paper import reset
from tests import factories
from tradeops.core.errors import Conflict, Refused

D = Decimal
NOW = datetime(2026, 3, 2, 14, 30, tzinfo=UTC)
pytestmark = pytest.mark.django_db


@pytest.fixture
def account():
    return factories.account(fee_bps=D(10))


def totals(account):
    return {currency: balance.total for currency, balance in broker_for(account).balances().items()}


def test_what_is_held_must_go_first(account):
    strategy = factories.strategy(accounts=[account])
    submit.submit(factories.order(account, strategy, number=1))
    with pytest.raises(Conflict, match="flatten it first"):
        reset.to_start(account, now=NOW, by="ann")
    assert not PaperMove.objects.exists()
    submit.submit(factories.order(account, strategy, number=2, side="sell", intent="close"))
    assert totals(account) == {"USDT": D("99999"), "BTC": D(0)}
    reset.to_start(account, now=NOW, by="ann")
    assert totals(account) == {"USDT": D(100000), "BTC": D(0)}
    [move] = PaperMove.objects.all()
    assert (move.cause, move.currency, move.amount, move.at, move.note) == ("reset", "USDT", D(1), NOW, "by ann")
    assert PaperOrder.objects.count() == 2  # the ledger stays


def test_an_order_under_way_keeps_it_from_starting_afresh(account):
    factories.order(account, factories.strategy(accounts=[account]), number=1)
    with pytest.raises(Conflict):
        reset.to_start(account, now=NOW, by="ann")


def test_money_in_and_out(account):
    reset.deposit(account, currency="USDT", amount=D("500.5"), now=NOW, by="ann")
    reset.deposit(account, currency="EUR", amount=D(7), now=NOW, by="ann")
    assert totals(account) == {"USDT": D("100500.5"), "EUR": D(7)}
    reset.deposit(account, currency="USDT", amount=D(-100000), now=NOW, by="ann")
    with pytest.raises(Refused, match=r"only 500\.5 USDT is free"):
        reset.deposit(account, currency="USDT", amount=D(-501), now=NOW, by="ann")
    assert totals(account)["USDT"] == D("500.5")
    assert [move.amount for move in PaperMove.objects.order_by("id")] == [D("500.5"), D(7), D(-100000)]


def test_what_is_set_aside_cannot_be_taken_out(account):
    PaperBalance.objects.create(account=account, currency="USDT", amount=D(100), held=D(60))
    with pytest.raises(Refused, match="only 40 USDT is free"):
        reset.deposit(account, currency="USDT", amount=D(-50), now=NOW, by="ann")


def test_only_paper(account):
    real = factories.account("real", broker="okx")
    for act in (
        lambda: reset.to_start(real, now=NOW, by="ann"),
        lambda: reset.deposit(real, currency="USDT", amount=D(1), now=NOW, by="ann"),
    ):
        with pytest.raises(Refused, match="is not a paper account"):
            act()
