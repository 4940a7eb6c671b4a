"""L4: the circuit breaker. One that fails again and again is asked by one message at a time, until one gets through."""

import itertools
from datetime import timedelta

import pytest

from relay.delivery import breaker
from relay.delivery.breaker import CLOSED, HALF_OPEN, NEW, OPEN, State
from relay.delivery.outcome import Outcome
from relay.models import Delivery, EndpointState
from tests.fakes.receivers import Server, answer, reset
from tradeops.core import fsm
from tradeops.core.errors import Conflict

from .conftest import NOW, endpoint, fresh, send


def tried(second=0.0, status=500, **fields):
    return Outcome(at=NOW + timedelta(seconds=second), ms=0, status_code=status, **fields)


def at(second):
    return NOW + timedelta(seconds=second)


@pytest.fixture
def server():
    with Server() as running:
        yield running


def state_of(row):
    return EndpointState.objects.get(endpoint=row)


# The rule, without a database ------------------------------------------------------------------------------------


@pytest.mark.parametrize(("source", "target"), list(itertools.product(EndpointState.Breaker, repeat=2)))
def test_only_these_changes_are_legal(source, target):
    legal = {
        (CLOSED, OPEN), (OPEN, HALF_OPEN), (OPEN, CLOSED),
        (HALF_OPEN, HALF_OPEN), (HALF_OPEN, OPEN), (HALF_OPEN, CLOSED),
    }  # fmt: skip
    if (source, target) in legal:
        fsm.check(breaker.TRANSITIONS, current=source, target=target, what="it")
    else:
        with pytest.raises(Conflict):
            fsm.check(breaker.TRANSITIONS, current=source, target=target, what="it")


def test_five_failures_in_a_row_open_it_and_four_do_not():
    four = breaker.after(NEW, [tried(second) for second in range(4)])
    assert (four.breaker, four.failures) == (CLOSED, 4)
    five = breaker.after(four, [tried(4)])
    assert five == State(breaker=OPEN, since=at(4), failures=5, probe_at=at(5))


def test_a_success_in_between_counts_from_the_start():
    state = breaker.after(NEW, [*[tried(second) for second in range(4)], tried(4, 200), tried(5)])
    assert (state.breaker, state.failures) == (CLOSED, 1)


@pytest.mark.parametrize(
    ("outcome", "well"),
    [
        (tried(status=200), True), (tried(status=204), True),
        (tried(status=400), True), (tried(status=401), True), (tried(status=404), True), (tried(status=410), True),
        (tried(status=408), False), (tried(status=425), False), (tried(status=429), False),
        (tried(status=302), False), (tried(status=500), False), (tried(status=503), False),
        (tried(status=None, error="could not connect"), False),
        (tried(status=None, error="the secret does not open", ours=True), None),
    ],
)  # fmt: skip
def test_what_an_outcome_says_of_the_endpoint(outcome, well):
    assert outcome.well is well
    state = breaker.after(NEW, [outcome] * 5)
    assert state.breaker == (OPEN if well is False else CLOSED)


def test_the_interval_between_probes_grows_to_thirty_seconds():
    state = breaker.after(NEW, [tried()] * 5)
    waits, moment = [], 0.0
    for _ in range(8):
        assert state.probe_at is not None
        waits.append((state.probe_at - at(moment)).total_seconds())
        moment += waits[-1]
        half = State(breaker=HALF_OPEN, since=at(moment), failures=state.failures, probe_at=at(moment + 12))
        state = breaker.after(half, [tried(moment)])
        assert state.breaker == OPEN
    assert waits == [1, 2, 4, 8, 15, 30, 30, 30]


def test_a_receiver_that_says_when_to_come_back_is_believed_up_to_the_cap():
    state = breaker.after(NEW, [tried(status=503, retry_after=12)] * 5)
    assert state.probe_at == at(12)
    assert breaker.after(NEW, [tried(status=503, retry_after=600)] * 5).probe_at == at(30)


def test_what_was_sent_before_it_opened_neither_delays_the_probe_nor_fails_it():
    opened = breaker.after(NEW, [tried()] * 5)
    late = Outcome(at=NOW - timedelta(seconds=3), ms=3500, error="no complete answer within 3 s")
    assert breaker.after(opened, [late]) == opened
    half = State(breaker=HALF_OPEN, since=at(1), failures=5, probe_at=at(13))
    assert breaker.after(half, [late]) == half


def test_what_was_sent_before_it_opened_and_got_through_closes_it():
    late = Outcome(at=NOW - timedelta(seconds=3), ms=3500, status_code=200)
    assert breaker.after(breaker.after(NEW, [tried()] * 5), [late]) == State(breaker=CLOSED, since=late.ended_at)


# With rows and receivers -----------------------------------------------------------------------------------------


def test_it_opens_is_told_once_and_lets_one_message_an_interval_through(by_hand, server, published):
    server.default = answer(503)
    row = endpoint(server)
    for number in range(12):
        send(row, lane=f"lane-{number}", seconds=600)
    by_hand.round()
    assert len(server.requests) == 12
    assert state_of(row).breaker == OPEN
    [down] = [event for event in published if event.name == "endpoint.down"]
    assert (down.level, down.endpoint) == ("critical", "vps-1")
    assert down.title.startswith("vps-1 is down: 5 tries in a row failed, the last: HTTP 503.")
    probes = []
    for second in range(200):
        before = len(server.requests)
        by_hand.round()
        if len(server.requests) > before:
            probes.append((second / 2, len(server.requests) - before))
        by_hand.clock.forward(0.5)
    assert {count for _, count in probes} == {1}, "never two at a time"
    gaps = [later - earlier for (earlier, _), (later, _) in itertools.pairwise(probes)]
    assert all(gap >= wait for gap, wait in zip(gaps, [2, 4, 8, 15, 30, 30], strict=False))
    assert gaps[-1] <= 31, "it goes on asking"
    assert [event.name for event in published if event.name.startswith("endpoint.")] == ["endpoint.down"]


def test_it_closes_by_itself_and_what_waited_goes_at_once(by_hand, server, published):
    server.default = reset()
    row = endpoint(server)
    sent = [send(row, lane=f"lane-{number}", seconds=600)[0] for number in range(8)]
    by_hand.round()
    assert state_of(row).breaker == OPEN
    server.default = answer()
    by_hand.clock.forward(2)
    by_hand.round()
    state = state_of(row)
    assert (state.breaker, state.failures, state.probe_at) == (CLOSED, 0, None)
    assert sum(fresh(each).status == Delivery.Status.DELIVERED for each in sent) == 1
    by_hand.round()
    assert all(fresh(each).status == Delivery.Status.DELIVERED for each in sent)
    names = [event.name for event in published if event.name.startswith("endpoint.")]
    assert names == ["endpoint.down", "endpoint.recovered"]


def test_every_sender_keeps_to_the_row(make_sender, server):
    """A restart, or another host: the breaker is as it was."""
    server.default = answer(500)
    row = endpoint(server)
    for number in range(6):
        send(row, lane=f"lane-{number}", seconds=600)
    first, second = make_sender(), make_sender()
    first.round()
    second.clock.forward(0.9)
    asked = len(server.requests)
    second.round()
    assert len(server.requests) == asked, "not before the probe is due"
    second.clock.forward(0.2)
    first.start()
    second.round()
    first.round()
    assert len(server.requests) == asked + 1, "one probe, not one for each sender"


def test_a_probe_whose_sender_died_is_followed_by_another(by_hand, server):
    row = endpoint(server, timeout_seconds=1)
    [delivery] = send(row, seconds=600)
    EndpointState.objects.create(
        endpoint=row, breaker=HALF_OPEN, since=NOW, failures=5, probe_at=NOW + timedelta(seconds=3)
    )
    by_hand.clock.forward(2.9)
    by_hand.round()
    assert server.requests == []
    by_hand.clock.forward(0.2)
    by_hand.round()
    assert fresh(delivery).status == Delivery.Status.DELIVERED
    assert state_of(row).breaker == CLOSED


def test_a_health_check_that_succeeds_brings_the_probe_forward_and_does_not_close_it(by_hand, server):
    row = endpoint(server)
    [delivery] = send(row, seconds=600)
    EndpointState.objects.create(endpoint=row, breaker=OPEN, since=NOW, failures=9, probe_at=at(30))
    by_hand.round()
    assert server.requests == []
    assert breaker.well(row.pk, NOW + timedelta(seconds=1))
    assert not breaker.well(row.pk, NOW + timedelta(seconds=2)), "it is due already"
    assert state_of(row).breaker == OPEN
    by_hand.clock.forward(1)
    by_hand.round()
    assert fresh(delivery).status == Delivery.Status.DELIVERED


def test_an_operator_may_close_it(by_hand, server, published):
    row = endpoint(server)
    [delivery] = send(row, seconds=600)
    EndpointState.objects.create(endpoint=row, breaker=OPEN, since=NOW, failures=9, probe_at=at(30))
    assert breaker.close(endpoint=row, by="ann", now=NOW)
    assert not breaker.close(endpoint=row, by="ann", now=NOW)
    assert [event.title for event in published] == ["ann closed the breaker of vps-1: messages go again"]
    by_hand.round()
    assert fresh(delivery).status == Delivery.Status.DELIVERED


def test_what_expires_behind_an_open_breaker_is_dead_with_the_reason(by_hand, server):
    server.default = answer(500)
    row = endpoint(server)
    EndpointState.objects.create(endpoint=row, breaker=OPEN, since=NOW, failures=20, probe_at=at(100))
    [delivery] = send(row, seconds=60)
    by_hand.clock.forward(61)
    by_hand.round()
    assert fresh(delivery).status == Delivery.Status.DEAD
    assert fresh(delivery).reason == "the deadline passed while vps-1 was down, after 0 tries"
    assert server.requests == []


def test_answers_that_blame_the_message_do_not_open_it(by_hand, server):
    server.default = answer(422)
    row = endpoint(server)
    for number in range(10):
        send(row, lane=f"lane-{number}")
    by_hand.round()
    assert not EndpointState.objects.filter(endpoint=row).exclude(breaker=CLOSED).exists()


def test_an_endpoint_that_is_well_costs_no_write(by_hand, server):
    row = endpoint(server)
    send(row)
    by_hand.round()
    assert not EndpointState.objects.filter(endpoint=row).exists()
