"""The trace's exact shape and words (E1), what it says in a sentence, and the commands that show it."""

from __future__ import annotations

import io
import json
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command

from accounts.models import Account
from signals import trace, verdict
from signals.models import Signal
from tests import factories, life
from tests.factories import NOW

pytestmark = pytest.mark.django_db


def test_it_has_exactly_the_documented_keys_and_values():
    home = life.house()
    signal = life.traded(home, at=NOW)
    found = trace.of(signal.public_id)
    assert list(found) == [
        "signal", "decisions", "orders", "fills", "positions", "deliveries", "notifications", "executions", "timeline",
    ]  # fmt: skip
    told = found["signal"]
    assert (told["id"], told["status"], told["relay"], told["symbol"], told["action"], told["received_at"]) == (
        signal.public_id, "APPROVED", "DELIVERED", "BTCUSDT", "buy", "2026-03-02T14:30:00.000Z",
    )  # fmt: skip
    assert [(d["strategy"], d["account"], d["endpoint"], d["outcome"]) for d in found["decisions"]] == [
        ("trend", "paper-1", None, "APPROVED"),
        ("trend", "paper-2", None, "APPROVED"),
        ("trend", None, "vps-1", "APPROVED"),
    ]
    assert found["decisions"][0]["rules"] == life.RULES
    order = found["orders"][0]
    assert (order["account"], order["status"], order["side"], order["type"]) == ("paper-1", "FILLED", "buy", "market")
    assert (order["quantity"], order["filled_quantity"], order["average_price"]) == ("0.01", "0.01", "50000")
    assert order["steps"][0] == {"step": "created", "at": "2026-03-02T14:30:00.012Z", "detail": ""}
    assert found["fills"][0]["fee"] == "0.5"
    assert [(p["account"], p["quantity"], p["is_open"]) for p in found["positions"]] == [
        ("paper-1", "0.01", True), ("paper-2", "0.01", True),
    ]  # fmt: skip
    assert found["deliveries"][0]["endpoint"] == "vps-1"
    assert found["deliveries"][0]["attempts"] == [
        {"at": "2026-03-02T14:30:00.020Z", "status_code": None, "ms": 4, "error": "connection refused", "answer": ""},
        {"at": "2026-03-02T14:30:00.534Z", "status_code": 200, "ms": 6, "error": "", "answer": '{"ok": true}'},
    ]
    assert [(n["channel"], n["event"], n["status"]) for n in found["notifications"]] == [
        ("ops", "order.filled", "SENT"), ("ops", "order.filled", "SENT"),
    ]  # fmt: skip
    assert [(moment["ms"], moment["stage"]) for moment in found["timeline"]] == [
        (0, "received"), (0, "routed"), (10, "decided"), (11, "decided"), (12, "decided"), (12, "order_created"),
        (13, "order_created"), (20, "order_sent"), (21, "order_sent"), (23, "filled"), (24, "filled"),
        (24, "position"), (25, "position"), (180, "notified"), (181, "notified"), (540, "delivered"),
    ]  # fmt: skip
    assert found["timeline"][9]["detail"] == "paper-1: 0.01 at 50000"


def test_it_asks_the_database_as_often_for_many_accounts_as_for_two(django_assert_num_queries):
    home = life.house()
    home.accounts += [factories.account(f"more-{number}") for number in range(8)]
    signal = life.traded(home, at=NOW)
    with django_assert_num_queries(10):
        found = trace.of(signal.public_id)
    assert len(found["orders"]) == 10


def test_it_shows_only_what_belongs_to_the_accounts_given():
    home = life.house()
    signal = life.traded(home, at=NOW)
    found = trace.of(signal.public_id, accounts=Account.objects.filter(slug="paper-2"))
    assert [order["account"] for order in found["orders"]] == ["paper-2"]
    assert [fill["account"] for fill in found["fills"]] == ["paper-2"]
    assert [position["account"] for position in found["positions"]] == ["paper-2"]
    assert [(d["account"], d["endpoint"]) for d in found["decisions"]] == [("paper-2", None), (None, "vps-1")]
    assert [n["title"] for n in found["notifications"]] == ["Bought 0.01 BTC/USDT on paper-2"]
    assert not any("paper-1" in moment["detail"] for moment in found["timeline"])


def test_it_is_none_for_an_unknown_signal_and_for_somebody_elses():
    home = life.house()
    signal = life.traded(home, at=NOW)
    factories.account("stranger", client=factories.client("stranger"))
    assert trace.of("no-such-id") is None
    assert trace.of(signal.public_id, accounts=Account.objects.filter(slug="stranger")) is None


def test_a_flat_position_is_called_flat():
    home = life.house()
    signal = life.traded(home, at=NOW)
    home.strategy.positions.update(is_open=False, quantity="0")
    details = [moment["detail"] for moment in trace.of(signal.public_id)["timeline"] if moment["stage"] == "position"]
    assert details[0] == "paper-1: long BTC/USDT, now flat"


# In a sentence -----------------------------------------------------------------------------------------------------


def test_it_says_that_it_traded_and_where():
    found = trace.of(life.traded(life.house(), at=NOW).public_id)
    assert verdict.why(found) == "It traded: buy BTC/USDT filled on paper-1 and paper-2 at 50000."
    assert verdict.problems(found) == []
    assert verdict.settled(found)


def test_it_says_why_it_did_not_trade_once_for_all_accounts():
    found = trace.of(life.rejected(life.house(), at=NOW).public_id)
    assert verdict.why(found) == (
        "It did not trade. paper-1, paper-2: the order is worth 50000 USDT, the limit is 10000."
    )
    assert verdict.settled(found)
    assert verdict.problems(found) == [verdict.why(found)]


def test_an_undecided_signal_is_not_settled():
    home = life.house()
    found = trace.of(factories.signal(home.strategy, received_at=NOW).public_id)
    assert not verdict.settled(found)
    assert verdict.why(found) == "It has not been decided yet."


@pytest.mark.parametrize(
    ("change", "settled", "problem"),
    [
        (lambda s: s.orders.update(status="UNKNOWN"), False, "Order on paper-1 is UNKNOWN."),
        (
            lambda s: s.orders.update(status="REJECTED", message="no funds."),
            True,
            "Order on paper-1 is REJECTED: no funds.",
        ),
        (lambda s: _deliveries(s).update(status="RETRYING"), False, "Delivery to vps-1 is RETRYING: HTTP 200."),
        (
            lambda s: _deliveries(s).update(status="DEAD", reason="gave up"),
            True,
            "Delivery to vps-1 is DEAD: gave up.",
        ),
        (lambda s: Signal.objects.filter(pk=s.pk).update(relay="PENDING"), False, None),
    ],
)
def test_it_names_what_did_not_go_well(change, settled, problem):
    signal = life.traded(life.house(), at=NOW)
    change(signal)
    found = trace.of(signal.public_id)
    assert verdict.settled(found) is settled
    assert verdict.problems(found)[:1] == ([problem] if problem else [])


def _deliveries(signal):
    from relay.models import Delivery

    return Delivery.objects.filter(subject=signal.public_id)


def test_a_dry_run_counts_as_well_done():
    signal = life.traded(life.house(), at=NOW)
    signal.orders.update(mode="dry_run", status="CANCELED")
    found = trace.of(signal.public_id)
    assert verdict.why(found) == "It would have traded on paper-1 and paper-2: dry run, nothing was sent."
    assert verdict.problems(found) == []


# The command -------------------------------------------------------------------------------------------------------


def test_the_command_prints_the_life_plainly_where_there_is_no_terminal():
    signal = life.traded(life.house(), at=NOW + timedelta(seconds=1))
    out = io.StringIO()
    call_command("trace", signal.public_id, stdout=out)
    lines = out.getvalue().splitlines()
    assert lines[1] == "It traded: buy BTC/USDT filled on paper-1 and paper-2 at 50000."
    assert "   +540 ms  delivered      vps-1 on try 2" in lines
    assert "  vps-1  DELIVERED  2  200  6" in lines
    assert "\x1b[" not in out.getvalue()


def test_the_command_prints_the_documents_json():
    signal = life.traded(life.house(), at=NOW)
    out = io.StringIO()
    call_command("trace", signal.public_id, "--json", stdout=out)
    assert json.loads(out.getvalue()) == json.loads(json.dumps(trace.of(signal.public_id)))


def test_the_command_fails_with_a_sentence_for_an_unknown_id():
    with pytest.raises(CommandError, match="There is no signal nobody-knows-it") as failure:
        call_command("trace", "nobody-knows-it")
    assert failure.value.returncode == 1
