"""L3: a newer target makes older undelivered ones of its lane pointless."""

import pytest

from relay.models import Delivery
from tests.fakes.receivers import Server, answer

from .conftest import endpoint, fresh, send

LONG, SHORT = {"market_position": "long"}, {"market_position": "short"}


@pytest.fixture
def server():
    with Server() as running:
        yield running


def test_a_newer_target_takes_the_place_of_an_older_undelivered_one(by_hand, server, published):
    row = endpoint(server)
    [old] = send(row, data=LONG)
    [new] = send(row, data=SHORT)
    assert fresh(old).status == Delivery.Status.DEAD
    assert fresh(old).reason == f"superseded by {new.subject}"
    [event] = published[-1:]
    assert (event.name, event.level, event.signal) == ("delivery.dead", "info", old.subject)
    by_hand.round()
    assert server.ids() == [new.subject]


@pytest.mark.parametrize(
    ("first", "second"),
    [({"data": {}}, {"data": SHORT}), ({"data": LONG}, {"data": {}})],
    ids=["an instruction stays", "an instruction replaces nothing"],
)
def test_only_targets_replace_and_are_replaced(by_hand, server, first, second):
    row = endpoint(server)
    [old], [new] = send(row, **first), send(row, **second)
    by_hand.round()
    by_hand.round()
    assert server.ids() == [old.subject, new.subject]


@pytest.mark.parametrize(
    "other", [{"lane": "trend|ETH/USDT"}, {"dry_run": True}], ids=["another lane", "a dry run for the real thing"]
)
def test_what_is_not_alike_is_left_alone(by_hand, server, other):
    row = endpoint(server)
    [old] = send(row, data=LONG)
    send(row, data=SHORT, **other)
    assert fresh(old).status == Delivery.Status.PENDING


def test_another_endpoints_are_left_alone(by_hand, server):
    first, second = endpoint(server, "vps-1"), endpoint(server, "vps-2")
    [old] = send(first, data=LONG)
    send(second, data=SHORT)
    assert fresh(old).status == Delivery.Status.PENDING


def test_what_is_in_flight_is_not_touched(by_hand, server):
    row = endpoint(server)
    [old] = send(row, data=LONG)
    by_hand.start()
    [new] = send(row, data=SHORT)
    assert fresh(old).status == Delivery.Status.PENDING
    by_hand.round()
    by_hand.round()
    assert [fresh(each).status for each in (old, new)] == [Delivery.Status.DELIVERED] * 2
    assert server.ids() == [old.subject, new.subject]


def test_a_target_that_failed_while_a_newer_one_came_is_not_tried_again(by_hand, server):
    server.script = [answer(500)]
    row = endpoint(server)
    [old] = send(row, data=LONG)
    by_hand.start()
    [new] = send(row, data=SHORT)
    by_hand.round()
    by_hand.round()
    assert fresh(old).status == Delivery.Status.DEAD
    assert fresh(old).reason == f"superseded by {new.subject}"
    assert fresh(old).tries == 1
    assert server.ids() == [old.subject, new.subject]


def test_a_claim_that_comes_first_wins(by_hand, server):
    """The row as it was read was unclaimed; a sender has taken it since: nothing is given up."""
    from relay.delivery import state, supersede

    row = endpoint(server)
    [old] = send(row, data=LONG)
    as_read = Delivery.objects.select_related("message").get(pk=old.pk)
    by_hand.start()
    assert not state.write([supersede.given_up(as_read, endpoint="vps-1", by="x", at=by_hand.clock(), tries=0)])
    assert fresh(old).status == Delivery.Status.PENDING
