"""`manage.py replay`: the same rules give the same ledger to the digit, others are named, and nothing is touched."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from io import StringIO

from django.apps import apps
from django.core.management import call_command
from django.db import connection
from django.db.models import Max

from accounts.models import Account
from relay.models import Channel
from signals.models import RoundTrip, Signal, Strategy
from tests import factories
from tradeops.core import clock, configuration

from .conftest import ALERTS, as_json, replay, stored


def rows() -> dict[str, tuple[int, object]]:
    """Of every table how many rows it has, and its greatest key."""
    return {
        model._meta.label: (model.objects.count(), model.objects.aggregate(last=Max("pk"))["last"])
        for model in apps.get_models()
        if model._meta.managed
    }


def test_the_same_rules_give_the_same_ledger_twice_and_nothing_is_touched(past):
    Channel.objects.create(slug="ops", kind="telegram", events=["*"], target="1")
    was = past(endpoints=[factories.endpoint()])
    for action, price in ALERTS:
        was.say(action, price)
    before = rows()
    assert before["relay.Delivery"][0] == 4  # then, the endpoint was sent each

    found, error = as_json()

    assert error is None
    assert found["signals"] == 4
    assert found["decisions"] == {"then": 4, "now": 4, "same": 4, "different": 0}
    assert found["differences"] == []
    [account] = found["accounts"]
    assert account["then"] == account["now"]
    # 500 → 510, less 0.1 % of each. Spot is not sold short: the sell only closes, and the close finds nothing.
    assert account["now"]["money"] == {"USDT": {"realised_pnl": "10", "fees": "1.01", "funding": "0", "net": "8.99"}}
    assert (account["now"]["orders"], account["now"]["fills"], account["now"]["trips"]) == (3, 3, 1)
    assert account["now"]["open"] == ["long BTC/USDT"]
    assert found["begins_with"] == {"paper-1": {"USDT": "100000"}}
    assert [sentence for sentence in found["unknown"] if "Prices came with the messages" in sentence]

    again, _ = as_json("--to", found["to"])
    assert again == found
    assert rows() == before
    assert connection.in_atomic_block is False


def test_a_limit_that_was_changed_since_is_named_with_what_it_saw(past):
    was = past()
    for action, price in (("buy", "50000"), ("close", "51000"), ("buy", "70000"), ("close", "71000")):
        was.say(action, price)
    factories.limit("max_order_notional", "600")

    found, error = as_json()

    assert error is not None
    assert error.returncode == 1
    assert str(error) == "2 of 4 decisions are others today; the result differs on paper-1"
    entry, leave = found["differences"]
    assert (entry["signal"], entry["because"]) == (was.signals[2].public_id, "outcome")
    assert (entry["then"]["outcome"], entry["then"]["rule"]) == ("APPROVED", None)
    assert entry["now"]["outcome"] == "REJECTED"
    assert entry["now"]["rule"] == {"rule": "max_order_notional", "verdict": "FAIL", "value": "700", "limit": "600"}
    assert entry["now"]["orders"] == []
    # What was not opened cannot be closed.
    assert (leave["signal"], leave["because"]) == (was.signals[3].public_id, "outcome")
    [account] = found["accounts"]
    assert account["same"] is False
    assert account["then"]["money"]["USDT"] == {"realised_pnl": "20", "fees": "2.42", "funding": "0", "net": "17.58"}
    assert account["now"]["money"]["USDT"] == {"realised_pnl": "10", "fees": "1.01", "funding": "0", "net": "8.99"}

    said, error = replay()
    assert error is not None
    assert error.returncode == 1
    lines = [line.rstrip() for line in said.splitlines()]
    assert lines[0].endswith("4 signals, 2 decisions as they were, 2 others.")
    assert [line.split() for line in lines if line.startswith("net USDT")] == [["net", "USDT", "17.58", "8.99"]]
    assert "  then  approved: buy 0.01 filled at 70000" in lines
    assert "  now   rejected by max_order_notional: 700, limit 600" in lines


def test_a_stop_that_is_closer_today_is_hit_at_the_first_price_that_is_known(past):
    was = past(exits={"stop_loss": "10%", "take_profit": [{"at": "4%"}]})
    was.say("buy", "50000")
    was.say("buy", "48900")  # no second entry, but a price: 2.2 % below the first
    was.say("buy", "52000")  # the target
    [trip] = RoundTrip.objects.exclude(closed_at=None)
    assert (trip.reason, trip.realised_pnl) == ("take_profit", Decimal(20))
    Strategy.objects.update(exits={"stop_loss": "2%", "take_profit": [{"at": "4%"}]})
    configuration.changed()

    found, error = as_json()

    assert error is not None
    now = [(one["reason"], one["realised_pnl"]) for one in found["trips"]["now"] if one["closed_at"]]
    assert now == [("stop_loss", "-11")]
    then = [(one["reason"], one["realised_pnl"]) for one in found["trips"]["then"] if one["closed_at"]]
    assert then == [("take_profit", "20")]
    assert [(one["reason"], one["status"], one["average_price"]) for one in found["exits"]["now"]] == [
        ("stop_loss", "FILLED", "48900")
    ]


def test_a_venues_account_is_replayed_on_paper_at_the_prices_that_its_decisions_saw(db):
    """A strategy on a real account: what was stored of it is all there is, and its venue is not asked."""
    account = factories.account(
        "okx-1", broker="okx", prices="", initial_balances={}, base_url="https://okx.invalid", currency="USDT"
    )
    trend = factories.strategy(accounts=[account])
    at = clock.now() - timedelta(hours=1)
    for number, (action, bid, ask) in enumerate((("buy", "100", "101"), ("close", "110", "111"))):
        came = at + timedelta(minutes=number)
        stored(trend, came, on=account, quote=(bid, ask), action=action, price=None)

    assert "nobody knows what okx-1 had" in str(replay()[1])
    found, error = as_json("--balance", "USDT=5000")

    assert error is not None
    assert error.returncode == 1
    assert found["begins_with"] == {"okx-1": {"USDT": "5000"}}
    assert [one["because"] for one in found["differences"]] == ["outcome", "outcome"]
    prices = [order["average_price"] for one in found["differences"] for order in one["now"]["orders"]]
    assert prices == ["101", "110"]
    assert found["accounts"][0]["now"]["money"]["USDT"]["realised_pnl"] == "0.09"
    said = " ".join(found["unknown"])
    assert "2 stored prices of that time are known" in said
    assert "(account 2)" in said
    assert "okx-1 is charged 0 basis points" in said
    assert Account.objects.get().broker == "okx"


def test_it_is_progress_for_terminals_only_and_help_has_an_example(past, capsys):
    was = past()
    was.say("buy", "50000")
    out = StringIO()
    call_command("replay", "--strategy", "trend", stdout=out)
    assert capsys.readouterr().err == ""
    assert "1 signals, 1 decisions as they were, 0 others." in out.getvalue()
    assert Signal.objects.get().public_id == was.signals[0].public_id
