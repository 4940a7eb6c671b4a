"""Two documents side by side: what is the same, and what is said to be different, in one table."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from signals.replay.compare import compare, is_same

UNTIL = datetime(2026, 3, 3, tzinfo=UTC)
SIGNALS = [{"id": "s1", "received_at": "2026-03-02T14:30:00.000Z", "symbol": "BTCUSDT", "action": "buy"}]
ORDER = {
    "id": "x", "side": "buy", "intent": "open", "type": "market", "quantity": "0.01", "price": None, "status": "FILLED",
    "filled": "0.01", "average_price": "50000", "message": "",
}  # fmt: skip
TRIP = {
    "account": "paper-1", "symbol": "BTC/USDT", "side": "long", "closed_at": "2026-03-02T15:00:00.000Z",
    "currency": "USDT", "realised_pnl": "10", "fees": "1", "funding": "0.5", "net": "8.5",
}  # fmt: skip


def decision(**changes: Any) -> dict[str, Any]:
    kept = {"signal": "s1", "account": "paper-1", "outcome": "APPROVED", "intent": "open", "rule": None}
    return {**kept, "orders": [ORDER], **changes}


def rejected(rule: str, value: str) -> dict[str, Any]:
    return decision(outcome="REJECTED", orders=[], rule={"rule": rule, "verdict": "FAIL", "value": value, "limit": "1"})


def document(*decisions: dict[str, Any], trips: tuple[dict[str, Any], ...] = (TRIP,)) -> dict[str, Any]:
    return {"decisions": list(decisions), "trips": list(trips), "exits": [], "counts": {}}


def held(then: dict[str, Any], now: dict[str, Any]) -> dict[str, Any]:
    return compare(then, now, signals=SIGNALS, accounts=["paper-1"], until=UNTIL)


@pytest.mark.parametrize(
    ("then", "now", "because"),
    [
        (decision(), decision(), None),
        (rejected("stale", "61"), rejected("stale", "62.5"), None),
        (decision(), None, "missing"),
        (None, decision(), "missing"),
        (decision(), rejected("stale", "61"), "outcome"),
        (rejected("stale", "61"), rejected("price", "61"), "rule"),
        (decision(), decision(intent="reduce"), "intent"),
        (decision(), decision(orders=[{**ORDER, "quantity": "0.02"}]), "orders"),
        (decision(), decision(orders=[{**ORDER, "average_price": "50001"}]), "fills"),
        (decision(), decision(orders=[{**ORDER, "id": "y", "message": "other words"}]), None),
    ],
)
def test_what_makes_a_decision_another(then, now, because):
    found = held(document(*filter(None, [then])), document(*filter(None, [now])))
    assert [one["because"] for one in found["differences"]] == ([because] if because else [])
    assert (found["decisions"]["same"], found["decisions"]["different"]) == ((0, 1) if because else (1, 0))
    assert is_same(found) is (because is None)


def test_money_is_that_of_trips_that_were_closed_in_the_time():
    late = {**TRIP, "closed_at": "2026-03-03T00:00:00.000Z"}
    dust = {
        **TRIP,
        "realised_pnl": "-0.000000000000000001",
        "fees": "0",
        "funding": "0",
        "net": "-0.000000000000000001",
    }
    found = held(document(decision(), trips=(TRIP, late)), document(decision(), trips=(TRIP, dust)))
    [account] = found["accounts"]
    assert account["then"]["money"] == {"USDT": {"realised_pnl": "10", "fees": "1", "funding": "0.5", "net": "8.5"}}
    assert account["then"]["open"] == ["long BTC/USDT"]
    assert account["now"]["money"]["USDT"]["net"] == "8.499999999999999999"
    assert (found["differences"], account["same"], is_same(found)) == ([], False, False)


def test_what_is_still_open_is_a_result_too():
    still = {**TRIP, "closed_at": None}
    [account] = held(document(decision(), trips=(still,)), document(decision(), trips=()))["accounts"]
    assert account["then"]["money"] == account["now"]["money"] == {}
    assert account["same"] is False
