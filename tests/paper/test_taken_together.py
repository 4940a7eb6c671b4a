"""Orders of several accounts that the paper venue takes at once: each account's books are as if they had come alone."""

from dataclasses import replace
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.brokers import local, registry
from accounts.brokers.base import BrokerTemporary, OrderRequest, Rejection
from signals.execution import runner
from signals.models import Fill, Order, PaperBalance, PaperOrder, PaperTrade, PnlDay, Position, RoundTrip
from tests import factories
from tests.factories import NOW
from tradeops.core import clock
from tradeops.core.money import OrderType, Side

D = Decimal
pytestmark = pytest.mark.django_db


def request(number, quantity="1", *, symbol="BTC/USDT", price="50000", **changes):
    given = {
        "client_order_id": f"together{number}",
        "symbol": symbol,
        "market": "spot",
        "side": Side.BUY,
        "type": OrderType.MARKET,
        "quantity": D(quantity),
        "closes": False,
        "quote": replace(factories.quote(price), symbol=symbol),
    }
    return OrderRequest(**{**given, **changes})


def brokers(count):
    return [registry.broker_for(factories.account(f"paper-{number}")) for number in range(count)]


def test_each_account_pays_for_its_own_order():
    one, two = brokers(2)
    found = local.place_all([(one, request(1)), (two, request(2, "2"))], now=NOW)
    assert [(report.status.value, report.filled) for report in found] == [("FILLED", D(1)), ("FILLED", D(2))]
    assert [report.fills[0].trade_id for report in found] == [report.venue_order_id for report in found]
    held = {(row.account_id, row.currency): row.amount for row in PaperBalance.objects.all()}
    first, second = one.access.account_id, two.access.account_id
    assert held == {
        (first, "BTC"): D(1), (first, "USDT"): D(50_000), (second, "BTC"): D(2), (second, "USDT"): D(0),
    }  # fmt: skip


def test_the_second_order_of_an_account_finds_what_the_first_has_left():
    [one] = brokers(1)
    asked = [request(1, "1.5"), request(2, "10", symbol="ETH/USDT", price="3000"), request(3, "0.5")]
    found = local.place_all([(one, each) for each in asked], now=NOW)
    assert [(report.status.value, report.code) for report in found] == [
        ("FILLED", ""),
        ("REJECTED", Rejection.INSUFFICIENT_FUNDS),
        ("FILLED", ""),
    ]
    assert dict(PaperBalance.objects.values_list("currency", "amount")) == {"BTC": D(2), "USDT": D(0)}
    assert PaperTrade.objects.count() == 2


def test_one_that_is_there_is_told_as_it_is_and_one_that_came_too_late_is_not_taken():
    one, two, three = brokers(3)
    before = one.place(request(1), now=NOW)
    late = request(2, send_expires_at=clock.now())
    again, refused, taken = local.place_all([(one, request(1)), (two, late), (three, request(3))], now=NOW)
    assert again == before
    assert isinstance(refused, BrokerTemporary)
    assert refused.code == "expired"
    assert taken.status.value == "FILLED"
    assert sorted(PaperOrder.objects.values_list("client_order_id", flat=True)) == ["together1", "together3"]
    assert PaperTrade.objects.count() == 2


def test_what_is_too_small_is_refused_and_keeps_nobody_from_trading():
    one, two = brokers(2)
    refused, taken = local.place_all([(one, request(1, "0.000000001")), (two, request(2))], now=NOW)
    assert refused.code == Rejection.BELOW_MINIMUM
    assert taken.status.value == "FILLED"
    assert list(PaperOrder.objects.values_list("client_order_id", flat=True)) == ["together2"]


def test_the_most_that_funds_allow_is_told_for_several_accounts():
    one, two = brokers(2)
    one.place(request(1), now=NOW)
    asked = [
        (one, local.Wanted("BTC/USDT", Side.BUY, D(50_000))),
        (one, local.Wanted("BTC/USDT", Side.SELL, D(50_000))),
        (two, local.Wanted("BTC/USDT", Side.BUY, D(50_000))),
        (two, local.Wanted("BTC/USDT:USDT", Side.BUY, D(1))),
    ]
    *most, unknown = local.max_quantities(asked)
    assert most == [D(1), D(1), D(2)]
    assert unknown.code == Rejection.UNKNOWN_INSTRUMENT


# Through the runner -------------------------------------------------------------------------------------------------


def made(accounts, strategy, *, number):
    orders = [factories.order(account, strategy, number=number) for account in accounts]
    return list(Order.objects.select_related("account", "strategy", "signal").filter(pk__in=[one.pk for one in orders]))


def asked_and_made(orders):
    with CaptureQueriesContext(connection) as captured:
        runner.send(orders)
    # Once a second the version of the configuration is looked at, too.
    told = [query["sql"] for query in captured if "configurationversion" not in query["sql"]]
    return sum(sql.startswith(("SELECT", "INSERT")) for sql in told)


def test_three_accounts_are_asked_about_and_written_with_as_many_statements_as_two():
    accounts = [factories.account(f"paper-{number}") for number in range(5)]
    strategy = factories.strategy(accounts=accounts)
    runner.send(made(accounts, strategy, number=1))
    few, many = made(accounts[:2], strategy, number=2), made(accounts[2:], strategy, number=2)
    assert asked_and_made(few) == asked_and_made(many)
    assert set(Order.objects.values_list("status", flat=True)) == {"FILLED"}
    assert (Fill.objects.count(), PaperTrade.objects.count(), RoundTrip.objects.count()) == (10, 10, 5)
    assert set(Position.objects.values_list("quantity", "average_price", "entries")) == {(D("0.02"), D(50_000), 2)}
    assert set(PnlDay.objects.values_list("fills", "realised_pnl")) == {(2, D(0))}
