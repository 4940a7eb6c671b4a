"""Heartbeats at the door (I13): an alert like any other, but that it must say where to be."""

import pytest

from signals.models import Signal
from tests.intake.conftest import stored

BEAT = {"symbol": "BTCUSDT", "action": "heartbeat", "market_position": "long", "market_position_size": "0.5"}


@pytest.fixture
def source(portal):
    row = portal.source("tv")
    portal.strategy("trend", feeds=row)
    return row


def test_it_is_stored_routed_and_repeats_are_counted(portal, source):
    first = portal.send("tv", BEAT)
    assert (first.status, first.body["status"], first.body["strategy"]) == (201, "ACCEPTED", "trend")
    again = portal.send("tv", BEAT)
    assert (again.status, again.body["signal_id"]) == (200, first.body["signal_id"])
    row = Signal.objects.get()
    assert (row.action, row.routes, row.repeats) == ("heartbeat", ["trend"], 1)
    assert row.data == {
        "symbol": "BTCUSDT", "action": "heartbeat", "market_position": "long", "market_position_size": "0.5",
        "order_type": "market",
    }  # fmt: skip


@pytest.mark.parametrize("line", ["heartbeat BTCUSDT market_position=flat", "HEARTBEAT BTCUSDT market_position=flat"])
def test_it_may_be_one_line_of_text(portal, source, line):
    assert portal.send("tv", line).status == 201
    assert Signal.objects.get().data["market_position"] == "flat"


def test_two_that_say_when_they_were_sent_are_two(portal, source):
    for minute in (1, 2):
        assert portal.send("tv", {**BEAT, "timenow": f"2026-03-02T14:0{minute}:00Z"}).status == 201
    assert Signal.objects.count() == 2


@pytest.mark.parametrize("position", [None, "", "  ", "both"])
def test_one_that_does_not_say_where_to_be_is_refused(portal, source, position):
    sent = portal.send("tv", {**BEAT, "market_position": position})
    assert (sent.status, sent.body["field"]) == (400, "market_position")
    assert stored() == (0, 0)
