"""L3 and DESIGN §3: order within a lane, independence between endpoints, several senders at once."""

from datetime import timedelta

import pytest
from django.db import connection

from relay.delivery import endpoints
from relay.models import Attempt, Delivery, Endpoint
from tests.fakes.receivers import Server, answer, hang
from tradeops.core import configuration

from .conftest import NOW, endpoint, fresh, send


@pytest.fixture
def server():
    with Server() as running:
        yield running


def test_a_lane_goes_one_at_a_time_in_order_though_the_first_fails(by_hand, server):
    server.script = [answer(500), answer(500)]
    row = endpoint(server)
    sent = [send(row)[0] for _ in range(4)]
    for _ in range(12):
        by_hand.round()
        by_hand.clock.forward(1)
    first, *others = [each.subject for each in sent]
    assert server.ids() == [first, first, first, *others]
    assert server.most_in_flight == 1


def test_lanes_do_not_wait_for_each_other(by_hand, server):
    server.script = [answer(500)]
    row = endpoint(server)
    [stuck], [free] = send(row, lane="trend|BTC/USDT"), send(row, lane="trend|ETH/USDT")
    by_hand.round()
    assert fresh(stuck).status == Delivery.Status.RETRYING
    assert fresh(free).status == Delivery.Status.DELIVERED


def test_without_a_lane_there_is_no_order(by_hand, server):
    server.script = [answer(500)]
    row = endpoint(server)
    sent = [send(row, lane="")[0] for _ in range(3)]
    by_hand.round()
    assert sorted(server.ids()) == sorted(each.subject for each in sent)


def test_the_same_lane_of_another_endpoint_does_not_wait(by_hand, server):
    with Server(default=hang()) as sick:
        first, second = endpoint(sick, "vps-1", timeout_seconds=1), endpoint(server, "vps-2")
        for _ in range(3):
            send(first, second)
        by_hand.start()
        for _ in range(3):
            by_hand.start()
            by_hand._runner.run(_tick())
        assert len(server.requests) == 3
        assert len(sick.requests) == 1


async def _tick():
    import asyncio

    await asyncio.sleep(0.2)


def test_an_endpoint_holds_no_more_than_its_share(make_sender, server):
    with Server(default=hang()) as sick:
        ill, well = endpoint(sick, "vps-1", timeout_seconds=1), endpoint(server, "vps-2")
        for number in range(5):
            send(ill, lane=f"lane-{number}")
        [last] = send(well)
        sender = make_sender(concurrency=2)
        sender.round()
        assert len(sick.requests) == 2
        assert sick.most_in_flight == 2
    assert fresh(last).status == Delivery.Status.DELIVERED


def test_an_endpoint_with_many_waiting_lanes_does_not_crowd_out_another(make_sender, server):
    with Server() as busy:
        crowded, quiet = endpoint(busy, "vps-1"), endpoint(server, "vps-2")
        for number in range(20):
            send(crowded, lane=f"lane-{number}")
        [last] = send(quiet)
        make_sender(concurrency=2).round()
    assert fresh(last).status == Delivery.Status.DELIVERED


def test_two_senders_never_hold_the_same_delivery_nor_the_same_lane(make_sender, server):
    row = endpoint(server)
    for _ in range(3):
        send(row, lane="one")
        send(row, lane="two")
    first, second = make_sender(), make_sender()
    first.start()
    second.start()
    held = Delivery.objects.exclude(claim_token="")
    assert sorted(held.values_list("lane", flat=True)) == ["one", "two"]
    first.round()
    second.round()
    for _ in range(4):
        second.round()
        first.round()
    assert Attempt.objects.count() == 6
    assert len(set(server.ids())) == len(server.ids()) == 6


def test_an_older_delivery_that_shows_up_late_waits_for_the_one_in_flight(make_sender, server):
    """On PostgreSQL a smaller id can be committed after a greater one was claimed."""
    row = endpoint(server)
    [late] = send(row)
    Delivery.objects.filter(pk=late.pk).update(lane="hidden", due_at=NOW + timedelta(hours=1))
    [early] = send(row)
    first, second = make_sender(), make_sender()
    first.start()
    Delivery.objects.filter(pk=late.pk).update(lane=early.lane, due_at=NOW)
    second.start()
    assert fresh(late).claim_token == ""
    first.round()
    first.round()
    assert server.ids() == [early.subject, late.subject]
    assert fresh(late).status == Delivery.Status.DELIVERED, "it goes once the lane is free"


def test_with_nothing_to_do_nothing_is_written(by_hand, server, django_assert_num_queries):
    from relay.delivery import turn
    from tradeops.core.holder import Holder

    endpoint(server)
    endpoints.routing()
    holder = Holder()
    with django_assert_num_queries(1) as queries:
        turn.take(busy={}, concurrency=32, holder=holder, now=NOW)
    assert queries[0]["sql"].startswith("SELECT")


def test_what_is_undelivered_is_found_by_its_index(by_hand, server):
    """A history of any length costs a claim nothing."""
    from relay.delivery.undelivered import UNDELIVERED

    found = Delivery.objects.filter(UNDELIVERED, endpoint_id=1, lane="x").order_by().values("id")
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SET enable_seqscan = off")
            plan = found.explain()
            cursor.execute("RESET enable_seqscan")
    else:
        plan = found.explain()
    assert "relay_delivery_undelivered" in plan


def test_a_switched_off_endpoint_gets_nothing_and_its_messages_are_held_until_the_deadline(by_hand, server):
    row = endpoint(server)
    [delivery] = send(row)
    Endpoint.objects.filter(pk=row.pk).update(active=False)
    configuration.changed()
    by_hand.round()
    assert fresh(delivery).status == Delivery.Status.PENDING
    by_hand.clock.forward(61)
    by_hand.round()
    assert server.requests == []
    assert fresh(delivery).status == Delivery.Status.DEAD
    assert fresh(delivery).reason == "the deadline passed while vps-1 was switched off"


def test_switched_on_again_in_time_it_gets_them(by_hand, server):
    row = endpoint(server, active=False)
    [delivery] = send(row)
    by_hand.round()
    Endpoint.objects.filter(pk=row.pk).update(active=True)
    configuration.changed()
    by_hand.clock.forward(5)
    by_hand.round()
    assert fresh(delivery).status == Delivery.Status.DELIVERED


def test_a_retired_endpoints_messages_are_given_up_at_once(by_hand, server):
    row = endpoint(server, retired_at=NOW)
    [delivery] = send(row)
    by_hand.round()
    assert fresh(delivery).status == Delivery.Status.DEAD
    assert fresh(delivery).reason == "vps-1 was retired"
    assert server.requests == []


def test_a_changed_address_is_used_by_the_next_try(by_hand, server):
    row = endpoint("http://127.0.0.1:9/")
    [delivery] = send(row)
    by_hand.round()
    Endpoint.objects.filter(pk=row.pk).update(url=server.url)
    configuration.changed()
    by_hand.clock.forward(2)
    by_hand.round()
    assert fresh(delivery).status == Delivery.Status.DELIVERED


def test_what_expires_behind_a_stuck_head_is_given_up_in_time(by_hand, server):
    server.default = answer(500)
    row = endpoint(server)
    [head] = send(row, seconds=3600, reduces=True)
    [entry] = send(row, seconds=60)
    by_hand.round()
    by_hand.clock.forward(61)
    by_hand.round()
    assert fresh(head).status == Delivery.Status.RETRYING
    assert fresh(entry).status == Delivery.Status.DEAD
    assert fresh(entry).reason == "the deadline passed before it could be sent"


def test_a_secret_that_does_not_open_stops_only_its_own_endpoint(by_hand, server):
    broken, well = endpoint(server, "vps-1"), endpoint(server, "vps-2")
    with connection.cursor() as cursor:
        cursor.execute("UPDATE relay_endpoint SET secret = 'v1:00000000:AAAA' WHERE id = %s", [broken.pk])
    first, second = send(broken, well)
    by_hand.round()
    assert fresh(first).status == Delivery.Status.RETRYING
    assert fresh(first).attempts.get().error == "the endpoint's secret cannot be opened: set it again"
    assert fresh(second).status == Delivery.Status.DELIVERED
