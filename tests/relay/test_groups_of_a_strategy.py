"""A strategy that names groups: decisions are for the endpoints that its message goes to, and so are the deliveries."""

import pytest

from relay import groups
from relay.models import Delivery, Endpoint, EndpointGroup
from signals.pipeline import route
from tests import factories
from tradeops.core import clock, configuration

pytestmark = pytest.mark.django_db


def group(slug, mode, *members):
    row = EndpointGroup.objects.create(slug=slug, mode=mode)
    groups.set_members(group=row, slugs=[member.slug for member in members])
    return row


def relayed(signal):
    rows = Delivery.objects.filter(subject=signal.public_id).order_by("endpoint__slug")
    return list(rows.values_list("endpoint__slug", "group__slug", "status"))


def decided(signal):
    return [(each.endpoint.slug, each.outcome) for each in factories.decisions(signal)]


@pytest.fixture
def strategy():
    first, second, third = (factories.endpoint(slug) for slug in ("vps-1", "vps-2", "vps-3"))
    row = factories.strategy(endpoints=[third])
    row.endpoint_groups.set([group("pair", "failover", first, second)])
    configuration.changed()
    return row


def test_one_decision_and_one_delivery_for_a_failover_group(strategy):
    signal = factories.signal(strategy)
    route.route(now=clock.now())
    assert decided(signal) == [("vps-1", "APPROVED"), ("vps-3", "APPROVED")]
    assert relayed(signal) == [("vps-1", "pair", "PENDING"), ("vps-3", None, "PENDING")]
    assert EndpointGroup.objects.get().leader.slug == "vps-1"


def test_a_fan_out_group_is_its_members_and_none_gets_it_twice(strategy):
    every = group("every", "fan_out", *Endpoint.objects.order_by("slug"))
    strategy.endpoint_groups.set([every])
    configuration.changed()
    signal = factories.signal(strategy)
    route.route(now=clock.now())
    assert relayed(signal) == [(slug, None, "PENDING") for slug in ("vps-1", "vps-2", "vps-3")]


def test_after_a_change_of_the_leader_decisions_and_deliveries_are_for_the_new_one(strategy):
    pair, second = EndpointGroup.objects.get(), Endpoint.objects.get(slug="vps-2")
    groups.lead(group=pair, endpoint=second, by="ann", now=clock.now())
    signal = factories.signal(strategy)
    route.route(now=clock.now())
    assert decided(signal) == [("vps-2", "APPROVED"), ("vps-3", "APPROVED")]
    assert relayed(signal) == [("vps-2", "pair", "PENDING"), ("vps-3", None, "PENDING")]
