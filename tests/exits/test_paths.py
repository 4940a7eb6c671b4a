"""Exits held against a written table of prices: exact fills, through a real paper account (P2)."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from accounts.brokers.base import Quote
from signals.exits.evaluate import ExitIntent, Watched, evaluate
from signals.models import ExitPlan, RoundTrip
from tests.exits.conftest import Desk
from tests.factories import NOW

D = Decimal
TWO = [{"at": "3%", "share": "50%"}, {"at": "6%", "share": "50%"}]

# exits, the bids second by second after an entry of 1 at 100, what was sold and at what, what is left, why it ended
TABLE = [
    pytest.param({"stop_loss": "2%"}, ["99", "98.01", "98", "97"], [("1", "98")], "0", "stop_loss", id="at the stop"),
    pytest.param({"stop_loss": "2%"}, ["99", "91", "95"], [("1", "91")], "0", "stop_loss", id="a gap through the stop"),
    pytest.param({"stop_loss": "2%"}, ["98.01", "101", "98.01"], [], "1", None, id="just above the stop"),
    pytest.param({"take_profit": TWO}, ["102.99", "103", "105", "106"], [("0.5", "103"), ("0.5", "106")], "0",
                 "take_profit", id="two targets, one after the other"),
    pytest.param({"take_profit": TWO}, ["107"], [("1", "107")], "0", "take_profit", id="two targets in one bar"),
    pytest.param({"take_profit": TWO}, ["103", "102", "103.5"], [("0.5", "103")], "0.5", None, id="a target once"),
    pytest.param({"stop_loss": "2%", "take_profit": TWO}, ["103", "98"], [("0.5", "103"), ("0.5", "98")], "0",
                 "stop_loss", id="a target, and the stop for the rest"),
    pytest.param({"take_profit": [{"at": "3%", "share": "30%"}]}, ["103", "120"], [("0.3", "103")], "0.7", None,
                 id="a target of a part leaves the rest"),
    pytest.param({"trailing_stop": "10%"}, ["100", "110", "105", "120", "109", "108"], [("1", "108")], "0",
                 "trailing_stop", id="trailing up, then down"),
    pytest.param({"trailing_stop": "10%"}, ["95", "90.01", "90"], [("1", "90")], "0", "trailing_stop",
                 id="trailing from the entry on"),
    pytest.param({"trailing_stop": {"distance": "2%", "from": "10%"}, "stop_loss": "20%"},
                 ["109", "100", "110", "108", "107.8"], [("1", "107.8")], "0", "trailing_stop",
                 id="trailing once it is so far in profit"),
    pytest.param({"break_even": "5%", "stop_loss": "5%"}, ["104.99", "96", "105", "101", "100"], [("1", "100")], "0",
                 "break_even", id="break-even"),
    pytest.param({"break_even": {"at": "5%", "to": "1%"}}, ["105", "102", "101"], [("1", "101")], "0", "break_even",
                 id="break-even with an offset and no stop before"),
    pytest.param({"break_even": "5%", "trailing_stop": "3%"}, ["105", "101.86", "101.85"], [("1", "101.85")], "0",
                 "trailing_stop", id="the closer of trailing and break-even"),
    pytest.param({"stop_loss": "2%", "trailing_stop": "5%"}, ["101", "97"], [("1", "97")], "0", "stop_loss",
                 id="the closer of two stops"),
]  # fmt: skip


@pytest.mark.parametrize(("exits", "bids", "sold", "left", "because"), TABLE)
def test_a_path(either, exits, bids, sold, left, because):
    here = either(exits)
    here.enter()
    assert here.path(*bids) == sold
    assert here.position.quantity == D(left)
    if because is None:
        assert here.plan.state == ExitPlan.State.ACTIVE
    else:
        here.tick()
        assert (here.plan.state, here.plan.reason) == (ExitPlan.State.CLOSED, because)
        assert RoundTrip.objects.get().reason == because


@pytest.mark.parametrize(
    ("prices", "bought", "because"),
    [
        (["101", "101.99", "102", "101"], [("1", "102")], "stop_loss"),
        (["103"], [("1", "103")], "stop_loss"),
        (["95.01", "95"], [("1", "95")], "take_profit"),
    ],
)
def test_a_short(either, prices, bought, because):
    here = either({"stop_loss": "2%", "take_profit": [{"at": "5%"}]}, market="swap")
    here.enter(side="sell")
    assert here.path(*prices) == bought
    here.tick()
    assert (here.position.quantity, here.plan.reason) == (D(0), because)


@pytest.mark.parametrize(
    ("sign", "bid", "ask", "leaves"),
    [(1, "98.01", "98.5", False), (1, "98", "105", True), (-1, "97", "101.99", False), (-1, "90", "102", True)],
)
def test_a_long_is_judged_by_the_bid_and_a_short_by_the_ask(sign, bid, ask, leaves):
    quote = Quote(symbol="X", bid=D(bid), ask=D(ask), last=D(bid), at=NOW, source="table")
    watched = Watched(sign=sign, free=D(1), stop=D(100) - 2 * sign)
    found = evaluate(watched, quote, NOW)
    assert found == (ExitIntent("stop_loss", D(1)) if leaves else None)


def test_the_stop_of_a_paper_position_rests_before_the_next_look_at_a_price(db, django_capture_on_commit_callbacks):
    here = Desk(django_capture_on_commit_callbacks, {"stop_loss": "2%"})
    here.enter()
    [stop] = here.exits
    assert (stop.status, stop.attempt, stop.quote) == ("OPEN", 0, {})


def test_a_time_stop_counts_from_the_entry(desk):
    here = desk({"time_stop": "2m"})
    here.enter()
    opened = here.plan.opened_at
    here.now = opened + timedelta(seconds=118)
    assert here.path("101") == []
    assert here.path("101") == [("1", "101")]
    here.tick()
    assert here.plan.reason == "time_stop"


def test_a_session_closes_early_on_the_day_after_thanksgiving(desk):
    """27 November 2026 is a half day in New York: 13:00 there is 18:00 UTC; five minutes before it is 17:55."""
    here = desk({"session_close": {"calendar": "XNYS", "before": "5m"}})
    here.enter()
    opened = datetime(2026, 11, 27, 16, 0, tzinfo=UTC)
    ExitPlan.objects.update(opened_at=opened, due_at=opened)
    here.now = datetime(2026, 11, 27, 17, 54, 58, tzinfo=UTC)
    assert here.path("101") == []
    assert here.plan.closes_at == datetime(2026, 11, 27, 17, 55, tzinfo=UTC)
    assert here.path("102") == [("1", "102")]
    here.tick()
    assert here.plan.reason == "session_close"


def test_an_entry_after_the_close_stays_until_the_next_session_ends(desk):
    here = desk({"session_close": "XNYS"})
    here.enter()
    opened = datetime(2026, 11, 27, 18, 30, tzinfo=UTC)  # Friday, after the early close
    ExitPlan.objects.update(opened_at=opened, due_at=opened)
    here.now = opened
    here.tick("101")
    assert here.plan.closes_at == datetime(2026, 11, 30, 21, 0, tzinfo=UTC)
    assert here.position.quantity == 1


@pytest.mark.parametrize(
    ("before", "opened", "closes"),
    [
        # 30 November 2026 is a whole day in New York, until 21:00 UTC.
        ("5m", "2026-11-30T20:54:59", "2026-11-30T20:55:00"),
        ("5m", "2026-11-30T20:55:00", "2026-11-30T20:55:00"),
        ("5m", "2026-11-30T20:55:01", "2026-11-30T20:55:01"),
        ("5m", "2026-11-30T20:59:59", "2026-11-30T20:59:59"),
        ("5m", "2026-11-30T21:00:00", "2026-12-01T20:55:00"),
        # The day after Thanksgiving is over at 18:00 UTC, and the next session is Monday's.
        ("5m", "2026-11-27T17:57:00", "2026-11-27T17:57:00"),
        ("5m", "2026-11-27T18:00:00", "2026-11-30T20:55:00"),
        ("1h", "2026-11-27T17:00:01", "2026-11-27T17:00:01"),
    ],
)
def test_an_entry_just_before_the_close_is_not_held_overnight(desk, before, opened, closes):
    """Within `before` of the close there is nothing to wait for: it is left at once, in the session of its entry."""
    here = desk({"session_close": {"calendar": "XNYS", "before": before}})
    here.enter()
    at, until = (datetime.fromisoformat(text).replace(tzinfo=UTC) for text in (opened, closes))
    ExitPlan.objects.update(opened_at=at, due_at=at)
    here.now = at
    sold = here.path("101")
    assert (here.plan.closes_at, here.plan.closes_because) == (until, "session_close")
    assert sold == ([("1", "101")] if here.now >= until else [])
    assert here.plan.reason == ("session_close" if here.now >= until else "")
