"""L3: a failover group has one leader, and does not change it while an outcome is unknown."""

from datetime import timedelta

import pytest

from relay import groups, selectors, services
from relay.delivery.breaker import OPEN, OPENS_AFTER
from relay.models import Attempt, Delivery, Endpoint, EndpointGroup, EndpointState
from tests.fakes.receivers import Server, answer, reset
from tradeops.core import configuration
from tradeops.core.errors import Conflict
from tradeops.core.events import Event

from .conftest import NOW, endpoint

S = Delivery.Status
REFUSED = "http://127.0.0.1:9/webhook"


@pytest.fixture
def server():
    with Server() as running:
        yield running


@pytest.fixture
def other():
    with Server() as running:
        yield running


def group(*members, mode="failover", slug="pair"):
    row = EndpointGroup.objects.create(slug=slug, mode=mode)
    groups.set_members(group=row, slugs=[member.slug for member in members])
    configuration.changed()
    return row


def post(row, subject, *, lane="trend|BTC/USDT", seconds=600, at=NOW, data=None, dry_run=False):
    """What the pipeline does for a strategy that names the group; the delivery."""
    [choice] = selectors.targets(endpoints=[], groups=[row.pk])
    body = {"data": {"symbol": "BTCUSDT", "action": "buy", **(data or {})}, "raw": None}
    message = services.relay(
        event=Event(name="signal.approved", at=at, title="x", signal=subject, symbol="BTC/USDT", body=body),
        subject=subject,
        type="signal",
        lane=lane,
        endpoints=[services.Target(endpoint_id=choice.endpoint.pk, dry_run=dry_run, group_id=choice.group)],
        reduces=False,
        expires_at=at + timedelta(seconds=seconds),
        now=at,
    )
    return message.deliveries.get()


def states(subject):
    rows = Delivery.objects.filter(subject=subject).select_related("endpoint").order_by("pk")
    return [(row.endpoint.slug, str(row.status)) for row in rows]


def break_down(row, *, failures=OPENS_AFTER):
    EndpointState.objects.create(
        endpoint=row, breaker=OPEN, since=NOW, failures=failures, probe_at=NOW + timedelta(seconds=30)
    )


def leads(row):
    return EndpointGroup.objects.select_related("leader").get(pk=row.pk).leader.slug


# Targets -----------------------------------------------------------------------------------------------------------


def test_fan_out_is_all_members_and_failover_the_first_that_is_switched_on(db):
    first, second = endpoint(REFUSED, "vps-1", active=False), endpoint(REFUSED, "vps-2")
    every, pair = group(first, second, mode="fan_out", slug="every"), group(first, second)

    def chosen(**named):
        return [(each.endpoint.slug, each.group) for each in selectors.targets(**named)]

    assert chosen(endpoints=[], groups=[every.pk]) == [("vps-1", None), ("vps-2", None)]
    assert chosen(endpoints=[], groups=[pair.pk]) == [("vps-2", pair.pk)]
    assert chosen(endpoints=[second.pk], groups=[pair.pk, every.pk]) == [("vps-1", None), ("vps-2", None)], "once each"
    EndpointGroup.objects.filter(pk=pair.pk).update(active=False)
    assert chosen(endpoints=[], groups=[pair.pk]) == []


def test_the_first_message_decides_who_leads(by_hand, server, other):
    row = group(endpoint(server, "vps-1"), endpoint(other, "vps-2"))
    post(row, "open")
    by_hand.round()
    assert (leads(row), server.ids(), other.ids()) == ("vps-1", ["open"], [])


# Certain non-delivery ----------------------------------------------------------------------------------------------


def test_refused_until_the_breaker_opens_it_is_passed_on_under_the_same_id(by_hand, other, published):
    row = group(endpoint(REFUSED, "vps-1"), endpoint(other, "vps-2"))
    post(row, "open")
    for _ in range(12):
        by_hand.round()
        by_hand.clock.forward(1)
    assert states("open") == [("vps-1", S.DEAD), ("vps-2", S.DELIVERED)]
    assert other.ids() == ["open"]
    assert leads(row) == "vps-2"
    dead = Delivery.objects.get(status=S.DEAD)
    assert dead.reason.startswith("passed on to vps-2: could not connect: ")
    assert Attempt.objects.filter(delivery=dead).count() == OPENS_AFTER
    [told] = [event for event in published if event.name == "endpoint.leader"]
    assert told.title == "pair is led by vps-2 now: vps-1 is down. It stays so until somebody changes it."
    assert selectors.summary("open") == {"DELIVERED": 1}, "the group counts as one"


def test_the_order_of_a_lane_is_kept_across_a_switch(by_hand, other):
    first = endpoint(REFUSED, "vps-1")
    row = group(first, endpoint(other, "vps-2"))
    names = ["open", "add", "close"]
    for name in names:
        post(row, name)
    for _ in range(12):
        by_hand.round()
        by_hand.clock.forward(1)
    post(row, "next")
    by_hand.round()
    assert other.ids() == [*names, "next"]


def test_a_switched_off_leader_hands_over(by_hand, server, other):
    first = endpoint(server, "vps-1")
    row = group(first, endpoint(other, "vps-2"))
    post(row, "open")
    Endpoint.objects.filter(pk=first.pk).update(active=False)
    configuration.changed()
    by_hand.round()
    by_hand.round()
    assert (server.ids(), other.ids()) == ([], ["open"])
    assert Delivery.objects.get(status=S.DEAD).reason == "passed on to vps-2: vps-1 is no longer the leader"


def test_with_nobody_else_well_it_waits_where_it_is(by_hand, other):
    first, second = endpoint(REFUSED, "vps-1"), endpoint(other, "vps-2")
    row = group(first, second)
    post(row, "open")
    break_down(first)
    break_down(second)
    by_hand.round()
    assert states("open") == [("vps-1", S.PENDING)]
    assert other.requests == []


def test_the_old_leader_does_not_come_back_by_itself(by_hand, server, other):
    first = endpoint(server, "vps-1")
    row = group(first, endpoint(other, "vps-2"))
    post(row, "open")
    break_down(first)
    by_hand.round()
    by_hand.round()
    EndpointState.objects.update(breaker="CLOSED", failures=0, probe_at=None)
    by_hand.clock.forward(2)
    post(row, "close")
    by_hand.round()
    assert (server.ids(), other.ids()) == ([], ["open", "close"])


# Unknown outcomes ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ill", [reset(), answer(500), answer(503)], ids=["cut off", "500", "503"])
def test_what_may_have_been_acted_on_never_reaches_a_second_terminal(by_hand, server, other, published, ill):
    server.default = ill
    row = group(endpoint(server, "vps-1"), endpoint(other, "vps-2"))
    post(row, "open", seconds=60)
    post(row, "close", seconds=600)
    for _ in range(24):
        by_hand.round()
        by_hand.clock.forward(2)
    assert set(server.ids()) == {"open"}
    assert other.requests == [], "not even what came later: it would overtake"
    assert EndpointGroup.objects.get().stuck_since is not None
    [stuck] = [event for event in published if event.name == "endpoint.group_stuck"]
    assert stuck.level == "critical"
    for _ in range(20):
        by_hand.round()
        by_hand.clock.forward(2)
    assert states("open") == [("vps-1", S.DEAD)], "its deadline ended it"
    dead = Delivery.objects.get(subject="open")
    assert dead.reason.startswith("vps-1 may have acted on it, look there; the deadline passed")
    [told] = [event for event in published if event.name == "delivery.dead" and event.signal == "open"]
    assert told.level == "critical"
    assert other.ids() == ["close"], "now the next member leads"
    assert EndpointGroup.objects.get().stuck_since is None


def test_an_answer_of_the_leader_ends_the_doubt(by_hand, server, other):
    server.script = [reset()]
    server.default = answer(200)
    row = group(endpoint(server, "vps-1"), endpoint(other, "vps-2"))
    post(row, "open")
    by_hand.round()
    assert Delivery.objects.get().unknown
    by_hand.clock.forward(2)
    by_hand.round()
    assert states("open") == [("vps-1", S.DELIVERED)]
    assert not Delivery.objects.get().unknown
    assert other.requests == []


def test_a_refused_try_after_one_that_was_cut_off_changes_nothing(by_hand, server, other):
    first = endpoint(server, "vps-1")
    server.script = [reset()]
    row = group(first, endpoint(other, "vps-2"))
    post(row, "open")
    by_hand.round()
    Endpoint.objects.filter(pk=first.pk).update(url=REFUSED)
    configuration.changed()
    for _ in range(12):
        by_hand.clock.forward(2)
        by_hand.round()
    assert EndpointState.objects.get().breaker == OPEN
    assert states("open") == [("vps-1", S.RETRYING)]
    assert other.requests == []


def test_what_a_dead_sender_held_may_have_gone_out(by_hand, server, other):
    first = endpoint(server, "vps-1")
    row = group(first, endpoint(other, "vps-2"))
    held = post(row, "open")
    Delivery.objects.filter(pk=held.pk).update(claim_token="00000000:1:gone.1", lease_until=NOW - timedelta(seconds=1))
    break_down(first)
    by_hand.round()
    assert states("open") == [("vps-1", S.PENDING)]
    assert EndpointGroup.objects.get().stuck_since == NOW
    EndpointState.objects.update(probe_at=NOW)
    by_hand.clock.forward(1)
    by_hand.round()
    assert (server.ids(), other.ids()) == (["open"], []), "asked again, under its id"


def test_a_leader_that_is_lost_for_good_is_retired_and_the_next_one_leads(by_hand, server, other, published):
    server.default = reset()
    first = endpoint(server, "vps-1")
    row = group(first, endpoint(other, "vps-2"))
    post(row, "open", seconds=3600)
    post(row, "close", seconds=3600)
    by_hand.round()
    Endpoint.objects.filter(pk=first.pk).update(retired_at=NOW)
    configuration.changed()
    for _ in range(4):
        by_hand.clock.forward(2)
        by_hand.round()
    assert states("open") == [("vps-1", S.DEAD)]
    assert states("close") == [("vps-1", S.DEAD), ("vps-2", S.DELIVERED)]
    assert Delivery.objects.get(subject="open").reason == "vps-1 may have acted on it, look there; vps-1 was retired"


# By hand -------------------------------------------------------------------------------------------------------------


def test_an_operator_makes_another_the_leader_and_what_waits_goes_along_in_order(by_hand, server, other):
    second = endpoint(other, "vps-2")
    row = group(endpoint(server, "vps-1"), second)
    for name in ("open", "close"):
        post(row, name)
    groups.lead(group=row, endpoint=second, by="ann", now=NOW)
    for _ in range(3):
        by_hand.round()
    assert (server.ids(), other.ids()) == ([], ["open", "close"])
    assert states("close") == [("vps-1", S.DEAD), ("vps-2", S.DELIVERED)]


def test_one_that_was_passed_on_is_not_replayed_a_second_time(by_hand, other):
    first = endpoint(REFUSED, "vps-1")
    row = group(first, endpoint(other, "vps-2"))
    post(row, "open")
    break_down(first)
    by_hand.round()
    by_hand.round()
    dead = Delivery.objects.get(status=S.DEAD)
    with pytest.raises(Conflict) as refused:
        services.replay(delivery=dead, by="ann", force=True, now=NOW)
    assert refused.value.code == "passed_on"
    taken = Delivery.objects.get(status=S.DELIVERED)
    again = services.replay(delivery=taken, by="ann", force=False, now=NOW)
    assert (again.endpoint.slug, again.group_id) == ("vps-2", row.pk)


def test_a_dry_run_is_not_passed_on_to_one_that_does_not_accept_it(by_hand, other):
    first = endpoint(REFUSED, "vps-1", accepts_dry_run=True)
    row = group(first, endpoint(other, "vps-2"))
    post(row, "open", dry_run=True)
    break_down(first)
    by_hand.round()
    assert states("open") == [("vps-1", S.DEAD)]
    assert Delivery.objects.get().reason == "vps-2 leads now and does not accept dry runs"
    assert other.requests == []


def test_a_newer_target_does_not_take_the_place_of_one_that_may_have_been_acted_on(by_hand, server, other):
    server.script = [reset()]
    server.default = answer()
    row = group(endpoint(server, "vps-1"), endpoint(other, "vps-2"))
    post(row, "long", data={"market_position": "long"})
    by_hand.round()
    post(row, "flat", data={"market_position": "flat"})
    assert states("long") == [("vps-1", S.RETRYING)]
    for _ in range(3):
        by_hand.clock.forward(1)
        by_hand.round()
    assert server.ids() == ["long", "long", "flat"]
