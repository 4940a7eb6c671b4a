"""The comparison behind the fault runs: each thing that must not be is found, and named."""

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from benchmarks.faults.execution.books import Books, Ours, Send
from benchmarks.faults.execution.compare import SUPERSEDED, Accepted, Ledger, compare
from signals.pipeline import blocking

NOW = datetime(2026, 3, 2, 14, 30, tzinfo=UTC)
D = Decimal
LANE = ("okx-1", "BTC/USDT")


def ours(number, **fields):
    given = {"side": "buy", "intent": "open", "status": "FILLED", "code": "", "filled": D("0.01"), "sent": D("0.01")}
    return Ours(client_order_id=f"c{number}", account=LANE[0], symbol=LANE[1], **{**given, **fields})


def send(number, first, last, **fields):
    begin = NOW - timedelta(seconds=100)
    given = {"intent": "open", "begin": begin, "end": begin + timedelta(seconds=2), "unknown": False, "told": False}
    return Send(client_order_id=f"c{number}", account=LANE[0], symbol=LANE[1], first=first, last=last,
                **{**given, **fields})  # fmt: skip


BOOKS = Books(
    signals={"s1": "APPROVED", "s2": "APPROVED"},
    decisions={"s1": 1, "s2": 1},
    approved={"s1": 1, "s2": 1},
    outcomes={},
    orders=[ours(1), ours(2)],
    per_decision={"s1": 1, "s2": 1},
    fills={LANE: D("0.02")},
    per_order={"c1": D("0.01"), "c2": D("0.01")},
    held={LANE: D("0.02")},
    sends=[send(1, 1, 2), send(2, 3, 4)],
)
LEDGER = Ledger(
    orders=[Accepted(*("okx-1", f"c{number}", "BTC/USDT", "buy"), D("0.01")) for number in (1, 2)],
    held={LANE: D("0.02")},
    refusals=Counter(),
)


def wrong(books=BOOKS, ledger=LEDGER):
    found = compare(books, ledger, acknowledged=["s1", "s2"], per_signal=1, now=NOW)
    assert found.holds is not any(found.wrong.values())
    return {kind: len(cases) for kind, cases in found.wrong.items() if cases}


def test_books_that_agree():
    assert wrong() == {}


def test_an_order_that_the_venue_has_twice():
    twice = replace(LEDGER, orders=[*LEDGER.orders, LEDGER.orders[0]], held={LANE: D("0.03")})
    assert wrong(ledger=twice) == {"doubled": 1, "amount": 1, "position": 1}


def test_an_order_that_the_venue_never_had():
    one = replace(LEDGER, orders=LEDGER.orders[:1], held={LANE: D("0.01")})
    assert wrong(ledger=one) == {"missing": 1, "amount": 1, "position": 1}


def test_an_order_that_only_the_venue_has():
    more = [*LEDGER.orders, Accepted("okx-1", "c9", "BTC/USDT", "buy", D("0.01"))]
    assert wrong(ledger=replace(LEDGER, orders=more)) == {"strange": 1}


def test_an_entry_that_expired_is_missing_and_a_refused_exit_is_not():
    nothing = {"filled": D(0), "sent": D("0.01")}
    less = {
        "fills": {LANE: D("0.01")},
        "held": {LANE: D("0.01")},
        "per_order": {"c1": D("0.01")},
    }
    one = replace(LEDGER, orders=LEDGER.orders[:1], held={LANE: D("0.01")})
    expired = replace(BOOKS, orders=[ours(1), ours(2, status="EXPIRED", **nothing)], **less)
    assert wrong(expired, one) == {"missing": 1}
    refused = replace(BOOKS, orders=[ours(1), ours(2, status="REJECTED", intent="close", **nothing)], **less)
    assert wrong(refused, one) == {}


def test_an_entry_that_the_next_signal_replaced_before_it_was_sent_is_counted_apart():
    """What a person cancelled, and what the venue has all the same, stay what they were."""
    less = {"fills": {LANE: D("0.01")}, "held": {LANE: D("0.01")}, "per_order": {"c1": D("0.01")}}
    ended = {"status": "CANCELED", "code": "canceled", "filled": D(0), "sent": D("0.01")}
    one = replace(LEDGER, orders=LEDGER.orders[:1], held={LANE: D("0.01")})
    less["per_order"] = {"c3": D("0.01")}
    one = replace(one, orders=[replace(one.orders[0], client_order_id="c3")])
    books = replace(BOOKS, orders=[ours(2, message=SUPERSEDED, **ended), ours(3)], **less)
    assert wrong(books, one) == {}
    assert compare(books, one, acknowledged=[], per_signal=1, now=NOW).counts["replaced"] == 1
    both = replace(one, orders=[*one.orders, LEDGER.orders[1]], held={LANE: D("0.02")})
    assert wrong(books, both) == {"amount": 1, "position": 1}
    by_hand = replace(books, orders=[ours(2, message="enough (ann)", **ended), ours(3)])
    assert wrong(by_hand, one) == {"missing": 1}
    by_nothing = replace(books, orders=[ours(3), ours(2, message=SUPERSEDED, **ended)])
    assert wrong(by_nothing, one) == {"missing": 1}


UNSENT = {"status": "CANCELED", "filled": D(0), "sent": D("0.01")}
REPLACED = ours(1, code="canceled", message=SUPERSEDED, **UNSENT)


def not_needed(number):
    return ours(number, intent="close", code="not_needed", **UNSENT)


@pytest.mark.parametrize(
    ("lane", "missing"),
    [
        pytest.param(
            [ours(1, code="canceled", message=SUPERSEDED, **UNSENT), not_needed(2), ours(3)], 0, id="replaced"
        ),
        pytest.param([ours(1), not_needed(2)], 1, id="open"),
        pytest.param([ours(1), ours(2, intent="close"), not_needed(3)], 0, id="closed"),
        pytest.param([ours(1), not_needed(2), ours(3, intent="close")], 1, id="closed later"),
        pytest.param([ours(1), not_needed(4), ours(3, intent="close")], 0, id="a later one was first"),
        pytest.param([ours(1), ours(2), ours(3, intent="close"), not_needed(4)], 1, id="half of it closed"),
        pytest.param([ours(1), ours(2, intent="close", filled=D("0.00999")), not_needed(3)], 0, id="all but the fee"),
        pytest.param([ours(1), ours(2, intent="close", filled=D("0.00997")), not_needed(3)], 1, id="more is left"),
        pytest.param([replace(ours(1), symbol="ETH/USDT"), not_needed(2)], 0, id="open elsewhere"),
    ],
)
def test_an_exit_is_rightly_unsent_where_nothing_was_left_open(lane, missing):
    there = [one for one in lane if one.filled]
    moved = {one.client_order_id: one.filled for one in there}
    held = {}
    for one in there:
        sign = 1 if one.intent == "open" else -1
        held[one.account, one.symbol] = held.get((one.account, one.symbol), D(0)) + sign * one.filled
    ledger = replace(
        LEDGER,
        orders=[Accepted(one.account, one.client_order_id, one.symbol, one.side, one.filled) for one in there],
        held=held,
    )
    lane = [replace(one, finished=float(one.client_order_id[1:])) for one in lane]
    books = replace(BOOKS, orders=lane, fills=held, held=held, per_order=moved)
    found = compare(books, ledger, acknowledged=[], per_signal=1, now=NOW)
    assert len(found.wrong["missing"]) == missing
    assert found.counts["unneeded"] == sum(one.code == "not_needed" for one in lane) - missing


@pytest.mark.parametrize("place", ["fills", "held"])
def test_a_position_that_differs_by_the_smallest_amount(place):
    assert wrong(replace(BOOKS, **{place: {LANE: D("0.02000001")}})) == {"position": 1}
    assert wrong(ledger=replace(LEDGER, held={LANE: D("0.02000001")})) == {"position": 1}


def test_a_fill_that_was_booked_and_is_not_at_the_venue():
    assert wrong(replace(BOOKS, per_order={**BOOKS.per_order, "c2": D("0.02")})) == {"amount": 1}


def test_signals_that_were_promised_and_are_lost_open_or_half_decided():
    lost = replace(BOOKS, signals={"s1": "APPROVED"}, decisions={"s1": 1})
    assert wrong(lost) == {"undecided": 1}
    assert wrong(replace(BOOKS, signals={**BOOKS.signals, "s2": "PROCESSING"})) == {"undecided": 1}
    assert wrong(replace(BOOKS, decisions={"s1": 1, "s2": 0})) == {"undecided": 1}
    assert wrong(replace(BOOKS, per_decision={"s1": 1})) == {"without an order": 1}


def test_an_order_that_is_not_at_its_end():
    assert wrong(replace(BOOKS, orders=[ours(1), ours(2, status="UNKNOWN")])) == {"unsettled": 1}


@pytest.mark.parametrize(("unknown", "told", "silent"), [(True, True, 0), (True, False, 1), (False, False, 1)])
def test_a_doubt_of_more_than_30_seconds_is_frozen_and_told(unknown, told, silent):
    long = send(2, 3, 4, unknown=unknown, told=told, end=NOW - timedelta(seconds=60))
    assert wrong(replace(BOOKS, sends=[send(1, 1, 2), long])) == ({"silent doubt": 1} if silent else {})


def test_an_entry_that_was_sent_while_another_was_in_doubt():
    overlapping = [send(1, 1, 4, unknown=True), send(2, 3, 5)]
    assert wrong(replace(BOOKS, sends=overlapping)) == {"sent while frozen": 1}
    exit_passes = [send(1, 1, 4, unknown=True), send(2, 3, 5, intent="close")]
    assert wrong(replace(BOOKS, sends=exit_passes)) == {}
    never_ended = [send(1, 1, None, unknown=True, told=True, end=None), send(2, 3, 5)]
    assert wrong(replace(BOOKS, sends=never_ended)) == {"sent while frozen": 1}


def test_the_words_for_it_are_the_pipelines():
    assert blocking.SUPERSEDED == SUPERSEDED
