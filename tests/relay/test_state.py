"""The table of a delivery's states, walked in full."""

import itertools
from datetime import timedelta

import pytest

from relay.delivery import state
from relay.models import Delivery
from tests.fakes.receivers import Server
from tradeops.core.errors import Conflict

from .conftest import NOW, endpoint, fresh, send

S = Delivery.Status
LEGAL = {
    (S.PENDING, S.RETRYING), (S.PENDING, S.DELIVERED), (S.PENDING, S.DEAD),
    (S.RETRYING, S.RETRYING), (S.RETRYING, S.DELIVERED), (S.RETRYING, S.DEAD),
}  # fmt: skip


def change(delivery, to):
    if to == S.DELIVERED:
        return state.delivered(delivery, endpoint="vps-1", tries=1, at=NOW)
    if to == S.DEAD:
        return state.dead(delivery, endpoint="vps-1", reason="x", at=NOW)
    return state.retry(delivery, endpoint="vps-1", tries=1, at=NOW, due_at=NOW)


def move(delivery, to):
    return state.write([change(delivery, to)]) == {delivery.pk}


@pytest.mark.parametrize(("source", "target"), list(itertools.product(S, [S.RETRYING, S.DELIVERED, S.DEAD])))
def test_only_these_changes_happen(loopback, published, source, target):
    with Server() as server:
        [delivery] = send(endpoint(server))
    Delivery.objects.update(status=source)
    delivery = fresh(delivery)
    if (source, target) in LEGAL:
        assert move(delivery, target)
        assert fresh(delivery).status == target
        assert len(published) == (target != S.RETRYING)
    else:
        with pytest.raises(Conflict, match=f"is {source}: it cannot become {target}"):
            move(delivery, target)
        assert fresh(delivery).status == source
        assert published == []


def test_a_row_that_another_sender_took_over_is_left_to_it(loopback, published):
    with Server() as server:
        [delivery] = send(endpoint(server))
    held = fresh(delivery)
    Delivery.objects.update(claim_token="another")
    for target in (S.RETRYING, S.DELIVERED, S.DEAD):
        assert not move(held, target)
    assert fresh(delivery).status == S.PENDING
    assert fresh(delivery).claim_token == "another"
    assert published == []


def test_a_row_that_was_settled_meanwhile_is_left_alone(loopback, published):
    with Server() as server:
        [delivery] = send(endpoint(server))
    held = fresh(delivery)
    assert move(held, S.DELIVERED)
    assert not move(held, S.DEAD)
    assert fresh(delivery).status == S.DELIVERED
    assert [event.name for event in published] == ["delivery.delivered"]


def test_of_many_changes_at_once_each_stands_for_itself(loopback, published):
    with Server() as server:
        row = endpoint(server)
        taken, dead, again, done = (fresh(send(row, lane=lane)[0]) for lane in ("a", "b", "c", "d"))
    Delivery.objects.filter(pk=taken.pk).update(claim_token="another")
    later = NOW + timedelta(seconds=7)
    made = state.write(
        [
            state.delivered(taken, endpoint="vps-1", tries=1, at=NOW),
            state.dead(dead, endpoint="vps-1", reason="too late", at=NOW, tries=3),
            state.retry(again, endpoint="vps-1", tries=2, at=NOW, due_at=later, unknown=True),
            state.delivered(done, endpoint="vps-1", tries=1, at=later),
        ]
    )
    assert made == {dead.pk, again.pk, done.pk}
    assert fresh(taken).status == S.PENDING
    assert (fresh(dead).status, fresh(dead).reason, fresh(dead).tries) == (S.DEAD, "too late", 3)
    assert (fresh(again).status, fresh(again).due_at, fresh(again).unknown) == (S.RETRYING, later, True)
    assert (fresh(done).status, fresh(done).delivered_at, fresh(done).due_at) == (S.DELIVERED, later, NOW)
    assert [(event.name, event.body["delivery"]) for event in published] == [
        ("delivery.dead", dead.pk),
        ("delivery.delivered", done.pk),
    ]
