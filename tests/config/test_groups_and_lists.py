"""Endpoint groups, address lists, and the keys of strategies and endpoints that came with them."""

from __future__ import annotations

import secrets
from datetime import date

import pytest

from relay.models import Endpoint, EndpointGroup, GroupMember
from signals.models import AddressList, Source, Strategy
from tests.config.portal import FULL, NOW, apply, faults, lines
from tradeops.core import configuration

pytestmark = pytest.mark.django_db

SECRET, REPORTS = secrets.token_hex(12), secrets.token_hex(12)
PAIR = f"""
endpoints:
  - {{slug: vps-2, url: "http://127.0.0.1:9102/webhook", secret: {SECRET}, report_secret: {REPORTS}}}
endpoint_groups:
  - {{slug: pair, mode: failover, members: [vps-2, vps-1]}}
"""


@pytest.fixture(autouse=True)
def _applied():
    apply(FULL)


def members(slug: str = "pair") -> list[tuple[str, int]]:
    rows = GroupMember.objects.filter(group__slug=slug).order_by("position")
    return list(rows.values_list("endpoint__slug", "position"))


def test_a_group_has_its_members_in_the_order_of_the_file():
    assert lines(PAIR) == ["+ endpoint vps-2", "+ endpoint group pair"]
    assert members() == [("vps-2", 0), ("vps-1", 1)]
    assert EndpointGroup.objects.get().mode == "failover"
    assert Endpoint.objects.get(slug="vps-2").report_secret == REPORTS
    assert lines(PAIR) == ["= nothing to do"]


def test_another_order_is_a_change_and_a_lost_leader_leads_no_more():
    apply(PAIR)
    group = EndpointGroup.objects.get()
    group.leader = Endpoint.objects.get(slug="vps-1")
    group.save()
    assert lines("endpoint_groups: [{slug: pair, members: [vps-1, vps-2]}]") == [
        "~ endpoint group pair: members [vps-2, vps-1] → [vps-1, vps-2]"
    ]
    group.refresh_from_db()
    assert (members(), group.leader.slug) == ([("vps-1", 0), ("vps-2", 1)], "vps-1")
    apply("endpoint_groups: [{slug: pair, members: [vps-2]}]")
    group.refresh_from_db()
    assert (members(), group.leader) == ([("vps-2", 0)], None)


def test_a_strategy_names_endpoints_and_groups_in_one_list():
    apply(PAIR)
    assert lines("strategies: [{slug: trend, endpoints: [vps-1, pair]}]") == [
        "~ strategy trend: endpoints [vps-1] → [pair, vps-1]"
    ]
    trend = Strategy.objects.get()
    assert [row.slug for row in trend.endpoints.all()] == ["vps-1"]
    assert [row.slug for row in trend.endpoint_groups.all()] == ["pair"]
    assert lines("strategies: [{slug: trend, endpoints: [vps-1, pair]}]") == ["= nothing to do"]
    assert lines("strategies: [{slug: trend, endpoints: []}]") == ["~ strategy trend: endpoints [pair, vps-1] → none"]
    assert (trend.endpoints.count(), trend.endpoint_groups.count()) == (0, 0)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("endpoint_groups: [{slug: vps-1, members: [vps-1]}]",
         "endpoint_groups[vps-1].slug: 'vps-1' is an endpoint already; endpoints and groups share their names, choose "
         "another"),
        ("endpoint_groups: [{slug: none, members: []}]",
         "endpoint_groups[none].members: a group needs at least one member; to take it out of use, say `state: "
         "absent`"),
        ("endpoint_groups: [{slug: none}]",
         "endpoint_groups[none].members: is required for a new endpoint group"),
        ("endpoint_groups: [{slug: none, members: [vps-1, vps-1]}]",
         "endpoint_groups[none].members: 'vps-1' is in the list twice"),
        ("endpoint_groups: [{slug: none, members: [vps-1], mode: random}]",
         "endpoint_groups[none].mode: there is no mode 'random' (there are: failover, fan_out)"),
        ("strategies: [{slug: trend, endpoints: [moon]}]",
         "strategies[trend].endpoints: there is no endpoint or endpoint group 'moon' (there are: vps-1)"),
        ("strategies: [{slug: trend, alert_expires_on: 31.12.2026}]",
         "strategies[trend].alert_expires_on: must be a day such as 2026-12-31, not '31.12.2026'"),
        ("strategies: [{slug: trend, alert_expires_on: 2026-02-30}]",
         "strategies[trend].alert_expires_on: must be a day such as 2026-12-31, not '2026-02-30'"),
        ("strategies: [{slug: trend, heal: maybe}]",
         "strategies[trend].heal: there is no way to heal 'maybe' (there are: alert, trade)"),
        ("strategies: [{slug: trend, expect_every: 0}]",
         "strategies[trend].expect_every: must be a whole number from 1 to 2592000, not 0"),
        ("address_lists: {office: [10.0.0.0/99]}",
         "address_lists.office: not a network: '10.0.0.0/99' does not appear to be an IPv4 or IPv6 network"),
    ],
)  # fmt: skip
def test_it_names_the_fault(text, fault):
    assert faults(text) == [f"portal.yaml:1: {fault}"]


def test_a_clash_of_two_new_names_is_refused_too():
    text = f"""
endpoints: [{{slug: x, url: "http://127.0.0.1:9102/webhook", secret: {SECRET}}}]
endpoint_groups: [{{slug: x, members: [vps-1]}}]
"""
    found = faults(text)
    assert [fault.partition(": ")[2].partition(":")[0] for fault in found] == [
        "endpoints[x].slug", "endpoint_groups[x].slug",
    ]  # fmt: skip
    assert EndpointGroup.objects.count() == 0


def test_what_is_in_use_is_not_retired():
    apply(PAIR)
    apply("strategies: [{slug: trend, endpoints: [pair]}]")
    assert faults("endpoint_groups: [{slug: pair, state: absent}]") == [
        "portal.yaml:1: endpoint_groups[pair]: 'pair' would be retired while strategy 'trend' (live) still uses it; "
        "take it out of that strategy's `endpoint_groups`, or switch the strategy off"
    ]
    assert faults("endpoints: [{slug: vps-2, state: absent}]") == [
        "portal.yaml:1: endpoints[vps-2]: 'vps-2' would be retired while endpoint group 'pair' still has it; take it "
        "out of that group's `members`"
    ]
    assert Endpoint.objects.get(slug="vps-2").retired_at is None
    apply("strategies: [{slug: trend, endpoints: []}]\nendpoint_groups: [{slug: pair, state: absent}]")
    group = EndpointGroup.objects.get()
    assert (group.active, group.retired_at) == (False, NOW)


def test_a_report_secret_is_another_one_and_never_printed():
    text = f"endpoints: [{{slug: vps-1, report_secret: {REPORTS}}}]"
    assert lines(text) == ["~ endpoint vps-1: report_secret (changed)"]
    assert lines(text) == ["= nothing to do"]
    same = Endpoint.objects.get(slug="vps-1").secret
    assert faults(f"endpoints: [{{slug: vps-1, report_secret: {same}}}]") == [
        "portal.yaml:1: endpoints[vps-1]: the report secret must not be the one that messages are signed with"
    ]
    assert Endpoint.objects.get(slug="vps-1").report_secret == REPORTS


def test_heal_and_silence_of_a_strategy():
    assert lines("strategies: [{slug: trend, heal: trade, expect_every: 3600, alert_expires_on: 2026-12-31}]") == [
        "~ strategy trend: heal alert → trade",
        "~ strategy trend: expect_every none → 3600",
        "~ strategy trend: alert_expires_on none → 2026-12-31",
    ]
    trend = Strategy.objects.get()
    assert (trend.heal, trend.expect_every, trend.alert_expires_on) == ("trade", 3600, date(2026, 12, 31))
    assert lines("strategies: [{slug: trend, expect_every: null, alert_expires_on:}]") == [
        "~ strategy trend: expect_every 3600 → none",
        "~ strategy trend: alert_expires_on 2026-12-31 → none",
    ]


def test_an_address_list_is_known_to_the_sources_of_the_same_file():
    assert lines("address_lists: {office: [192.0.2.0/24]}\nsources: [{slug: tv, allowed_ips: [office]}]") == [
        "+ address list office",
        "~ source tv: allowed_ips [192.0.2.0/24] → [office]",
    ]
    assert AddressList.objects.get(slug="office").networks == ["192.0.2.0/24"]
    assert Source.objects.get(slug="tv").allowed_ips == ["office"]
    before = configuration.version()
    assert lines("address_lists: {office: [192.0.2.0/25, 2001:db8::/32]}") == [
        "~ address list office: networks [192.0.2.0/24] → [192.0.2.0/25, 2001:db8::/32]"
    ]
    assert configuration.version() == before + 1
