"""What a frontend reads of exits and round trips."""

from decimal import Decimal

from rest_framework.test import APIClient
from rest_framework_simplejwt.tokens import AccessToken

from accounts.models import Operator

D = Decimal


def read(path, **query):
    client = APIClient()
    boss, _ = Operator.objects.get_or_create(username="boss", is_superuser=True)
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {AccessToken.for_user(boss)}")
    answer = client.get(f"/api/v1/{path}", query)
    assert answer.status_code == 200, answer.content
    return answer.json()["results"]


def test_a_position_shows_its_exits_and_what_it_is_worth(desk):
    here = desk({"stop_loss": "2%", "take_profit": [{"at": "3%", "share": "50%"}, {"at": "6%"}]}, fee_bps=D(10))
    here.enter()
    here.tick("104")
    [row] = read("positions")
    assert (row["quantity"], row["unrealised_pnl"], row["fees"], row["variant"]) == ("0.5", "2", "0.152", "")
    assert row["exits"] == {
        "state": "ACTIVE", "stop_price": "98", "stop_order": "", "closes_at": None, "closes_because": "", "problem": "",
        "targets": [{"at": "103", "share": "0.5", "done": True}, {"at": "106", "share": "0.5", "done": False}],
    }  # fmt: skip


def test_a_trade_tells_what_it_brought(desk):
    here = desk({"stop_loss": "2%"}, fee_bps=D(10))
    here.enter()
    assert [row["closed_at"] for row in read("trades", open="true")] == [None]
    here.tick("97")
    here.tick()
    assert read("trades", open="true") == []
    [row] = read("trades", reason="stop_loss")
    expected = {
        "strategy": "trend", "account": "paper-1", "symbol": "BTC/USDT", "side": "long", "quantity": "1",
        "closed_quantity": "1", "entry_price": "100", "exit_price": "97", "realised_pnl": "-3", "fees": "0.197",
        "funding": "0", "net_pnl": "-3.197", "initial_stop": "98", "risked": "2", "r": "-1.6", "reason": "stop_loss",
    }  # fmt: skip
    assert {name: row[name] for name in expected} == expected
    [position] = read("positions")
    assert (position["exits"], position["is_open"]) == (None, False)
