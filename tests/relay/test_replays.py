"""L3: replaying many dead letters, and an outage of five minutes from its begin to its end (L4)."""

import itertools
from datetime import timedelta

import pytest

from relay import services
from relay.delivery.breaker import CLOSED
from relay.models import Attempt, Delivery, Endpoint, EndpointState
from tests.fakes.receivers import Server, answer, reset
from tradeops.core import configuration

from .conftest import NOW, endpoint, fresh, send

S = Delivery.Status
LONG, FLAT = {"market_position": "long"}, {"market_position": "flat"}


@pytest.fixture
def server():
    with Server() as running:
        yield running


def dead(row, **fields):
    [delivery] = send(row, **fields)
    Delivery.objects.filter(pk=delivery.pk).update(status=S.DEAD, reason="x")
    return delivery


def many(*deliveries, force=False, after=1.0):
    now = NOW + timedelta(seconds=after)
    return services.replay_many(deliveries=[each.pk for each in deliveries], by="ann", force=force, now=now)


def test_each_of_many_has_its_own_result_and_a_refused_one_stops_no_other(by_hand, server):
    row, off = endpoint(server), endpoint(server, "vps-2", active=False)
    good, stale, closed, waiting = dead(row), dead(row, seconds=1), dead(off), send(row, lane="other")[0]
    gone = Delivery(pk=999_999)
    results = many(waiting, closed, good, stale, gone, after=5)
    assert [(each.delivery, each.code) for each in results] == [
        (good.pk, ""),
        (stale.pk, "stale"),
        (closed.pk, "endpoint_closed"),
        (waiting.pk, "still_open"),
        (gone.pk, "not_found"),
    ]
    assert [each.again is not None for each in results] == [True, False, False, False, False]
    assert all(each.problem for each in results[1:])
    assert Delivery.objects.exclude(replay_of=None).count() == 1


def test_a_preview_says_what_would_be_refused_and_changes_nothing(by_hand, server, published):
    row = endpoint(server)
    good, stale = dead(row), dead(row, seconds=1)
    found = services.preview(deliveries=[stale.pk, good.pk], force=False, now=NOW + timedelta(seconds=5))
    assert [(each.delivery, each.code) for each in found] == [(good.pk, ""), (stale.pk, "stale")]
    forced = services.preview(deliveries=[stale.pk, good.pk], force=True, now=NOW + timedelta(seconds=5))
    assert [each.code for each in forced] == ["", ""]
    assert Delivery.objects.count() == 2
    assert published == []


def test_many_of_one_lane_go_in_their_order(by_hand, server):
    row = endpoint(server)
    sent = [dead(row) for _ in range(4)]
    many(*reversed(sent))
    by_hand.clock.forward(2)
    for _ in range(5):
        by_hand.round()
    assert server.ids() == [each.subject for each in sent]
    assert all(request.json["replay"] for request in server.requests)


def test_twice_the_same_is_replayed_once(by_hand, server):
    row = endpoint(server)
    delivery = dead(row)
    [first] = many(delivery, delivery)
    [again] = many(delivery)
    assert (first.code, again.code) == ("", "still_open")


def test_a_target_that_a_newer_one_has_replaced_is_not_sent_unless_forced(by_hand, server):
    row = endpoint(server)
    [old] = send(row, data=LONG)
    [new] = send(row, data=FLAT)
    assert fresh(old).status == S.DEAD
    by_hand.round()
    [result] = many(old)
    assert (result.again, result.code) == (None, "superseded")
    assert result.problem.startswith(f"{new.subject} says since then where to be")
    [forced] = many(old, force=True)
    assert forced.again is not None


def test_an_outage_of_five_minutes_and_a_thousand_dead_letters(by_hand, server, published):
    """One probe an interval while it lasts; it closes by itself; what is fresh is replayed, what is stale is not."""
    server.default = reset()
    row = endpoint(server)
    for number in range(1200):  # a sixth of them live for a minute only
        send(row, lane=f"lane-{number}", seconds=60 if number % 6 == 0 else 3600)
    asked_at = []
    while by_hand.clock() < NOW + timedelta(minutes=5):
        before = len(server.requests)
        by_hand.round()
        asked_at += [by_hand.clock()] * (len(server.requests) - before)
        by_hand.clock.forward(1)
    in_flight = asked_at.count(asked_at[0])
    assert in_flight <= 32, "what was on its way when it opened"
    gaps = [(later - earlier).total_seconds() for earlier, later in itertools.pairwise(asked_at[in_flight:])]
    assert all(gap >= wait for gap, wait in zip(gaps, [2, 4, 8, 15, *[30] * len(gaps)], strict=False))
    assert len(gaps) >= 9, "it went on asking"
    assert Delivery.objects.filter(status=S.DEAD).count() == 200

    # The desk gives it up, and with it all that waits; then it is back after all.
    switch(row, active=False, reason="taken out by the desk")
    for _ in range(8):
        by_hand.clock.forward(1)
        by_hand.round()
    assert Delivery.objects.filter(status=S.DEAD).count() == 1200
    assert not Delivery.objects.filter(status=S.DEAD, reason="").exists()
    server.default = answer()
    server.requests.clear()
    switch(row, active=True)
    by_hand.clock.forward(30)
    [alive] = send(row, lane="now", at=by_hand.clock())
    by_hand.round()
    assert fresh(alive).status == S.DELIVERED
    assert EndpointState.objects.get(endpoint=row).breaker == CLOSED
    assert [event.name for event in published if event.name.startswith("endpoint.")] == [
        "endpoint.down",
        "endpoint.recovered",
    ]

    server.requests.clear()
    letters = list(Delivery.objects.filter(status=S.DEAD).values_list("pk", flat=True))
    results = services.replay_many(deliveries=letters, by="ann", force=False, now=by_hand.clock())
    assert [each.code for each in results].count("stale") == 200
    replayed = {each.delivery for each in results if each.again}
    assert len(replayed) == 1000
    for _ in range(40):
        by_hand.round()
    wanted = Delivery.objects.filter(pk__in=replayed)
    assert set(wanted.values_list("expires_at", flat=True)) == {NOW + timedelta(hours=1)}, "no stale one"
    assert sorted(server.ids()) == sorted(wanted.values_list("subject", flat=True))
    assert Delivery.objects.filter(replay_of__in=replayed, status=S.DELIVERED).count() == 1000
    assert Attempt.objects.filter(delivery__replay_of__in=replayed).count() == 1000


def switch(row, *, active, reason=""):
    Endpoint.objects.filter(pk=row.pk).update(active=active, disabled_reason=reason)
    configuration.changed()
