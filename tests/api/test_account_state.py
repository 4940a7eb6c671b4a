"""/api/v1/accounts/<slug>/state: one account of one moment, with the fills since the last look."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.db import connection, connections

from accounts.models import AccountBalance, AccountPosition, AccountSync
from signals.api import state
from signals.models import Fill, Order, PaperBalance
from tests import factories, life
from tests.factories import NOW

PATH = "/api/v1/accounts/{}/state"


def ask(client, slug="paper-1", **query):
    answer = client.get(PATH.format(slug), query)
    assert answer.status_code == 200, answer.content
    return answer.json()


@pytest.mark.parametrize("slash", ["", "/"])
def test_a_paper_account_shows_its_own_books(boss, home, slash):
    PaperBalance.objects.create(account=home.accounts[0], currency="BTC", amount=Decimal("0.01"))
    answer = boss.get(PATH.format("paper-1") + slash).json()
    fill = Fill.objects.latest("pk")
    assert {name: answer[name] for name in ("account", "broker", "currency", "read_at", "venue_positions")} == {
        "account": "paper-1", "broker": "paper", "currency": "USDT", "read_at": None, "venue_positions": [],
    }  # fmt: skip
    assert answer["balances"] == [
        {"currency": "BTC", "total": "0.01", "free": "0.01"}, {"currency": "USDT", "total": "100000", "free": "100000"},
    ]  # fmt: skip
    assert [(row["strategy"], row["quantity"]) for row in answer["positions"]] == [("trend", "0.01")]
    assert (answer["open_orders"], answer["fills"], answer["fills_cursor"]) == ([], [], fill.pk)
    assert answer["at"].endswith("Z")


def test_a_venues_account_shows_what_was_read_of_it(boss, home):
    okx = factories.account("okx-1", broker="okx", market="swap", initial_balances={})
    AccountSync.objects.create(account=okx, due_at=NOW, synced_at=NOW)
    AccountBalance.objects.create(account=okx, currency="USDT", total=Decimal("12.50"), free=Decimal(2), at=NOW)
    AccountPosition.objects.create(account=okx, symbol="BTC/USDT", side="short", quantity=Decimal("0.3"), at=NOW)
    answer = ask(boss, "okx-1")
    assert answer["balances"] == [{"currency": "USDT", "total": "12.5", "free": "2"}]
    assert [(row["symbol"], row["side"], row["quantity"]) for row in answer["venue_positions"]] == [
        ("BTC/USDT", "short", "0.3")
    ]
    assert answer["read_at"] == "2026-03-02T14:30:00.000Z"


def test_only_what_has_not_ended_is_open(boss, home):
    by = home.accounts[0]
    made = [
        factories.order(by, home.strategy, number=number, status=status)
        for number, status in enumerate(state.UNFINISHED)
    ]
    for number, status in enumerate(("FILLED", "CANCELED", "REJECTED", "EXPIRED"), start=20):
        factories.order(by, home.strategy, number=number, status=status)
    factories.order(home.accounts[1], home.strategy, number=40, status="OPEN")
    assert [row["client_order_id"] for row in ask(boss)["open_orders"]] == [order.client_order_id for order in made]
    assert {*state.UNFINISHED} | {"FILLED", "CANCELED", "REJECTED", "EXPIRED"} == set(Order.Status.values)


def test_fills_come_from_the_cursor_on_and_page_by_page(boss, home, monkeypatch):
    monkeypatch.setattr(state, "MOST_FILLS", 2)
    for minute in range(40, 44):
        life.traded(home, at=NOW.replace(minute=minute))
    mine = list(Fill.objects.filter(account__slug="paper-1").order_by("pk").values_list("pk", flat=True))
    place, pages = 0, []
    while True:
        answer = ask(boss, fills_after=place)
        pages.append([row["id"] for row in answer["fills"]])
        place = answer["fills_cursor"]
        if not answer["more_fills"]:
            break
    assert pages == [mine[:2], mine[2:4], mine[4:]]
    assert place == Fill.objects.latest("pk").pk
    assert ask(boss, fills_after=place)["fills"] == []


def test_a_place_that_was_never_reached_is_said_to_be_gone(boss, home):
    last = Fill.objects.latest("pk").pk
    answer = boss.get(PATH.format("paper-1"), {"fills_after": last + 1})
    assert (answer.status_code, answer.json()["error"]["code"]) == (410, "fills_gone")
    assert "restored from a backup" in answer.json()["error"]["message"]
    assert ask(boss, fills_after=last)["fills_cursor"] == last


def test_it_is_for_those_who_may_see_the_account(client, boss, of_house, of_nobody, home):
    assert ask(of_house)["account"] == "paper-1"
    for somebody, slug in ((of_house, "paper-2"), (of_nobody, "paper-1"), (boss, "no-such")):
        answer = somebody.get(PATH.format(slug))
        assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_found")
    assert client.get(PATH.format("paper-1")).status_code == 401
    assert boss.post(PATH.format("paper-1"), {}, format="json").status_code == 405


@pytest.mark.parametrize("place", ["x", "-1", "1" * 19, "²"])
def test_a_place_that_makes_no_sense_is_named(boss, home, place):
    answer = boss.get(PATH.format("paper-1"), {"fills_after": place})
    assert (answer.status_code, answer.json()["error"]["field"]) == (400, "fills_after")


def test_it_costs_the_same_for_many_rows_as_for_few(boss, home, django_assert_max_num_queries):
    for number in range(20):
        factories.order(home.accounts[0], home.strategy, number=number, status="OPEN")
    ask(boss)
    with django_assert_max_num_queries(10):
        assert len(ask(boss, fills_after=0)["open_orders"]) == 20


@pytest.mark.django_db(transaction=True)
def test_what_is_read_in_one_moment_was_there_together():
    home = life.house()
    life.traded(home, at=NOW)
    with state._one_moment():
        before = list(Fill.objects.values_list("pk", flat=True))
        other = connections.create_connection("default")
        try:
            with other.cursor() as cursor:
                cursor.execute("UPDATE signals_fill SET trade_id = trade_id || 'x'")
                cursor.execute("DELETE FROM signals_fill")
        finally:
            other.close()
        assert list(Fill.objects.values_list("pk", flat=True)) == before != []
    assert not connection.in_atomic_block
    assert not Fill.objects.exists()
