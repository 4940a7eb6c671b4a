"""/api/v1/endpoints: how each does, in which groups it is, and nobody else's."""

from __future__ import annotations

from datetime import timedelta

import pytest

from relay import groups
from relay.models import Endpoint, EndpointGroup, EndpointState, UptimeHour
from tests import factories
from tests.factories import NOW
from tradeops.core import clock


@pytest.fixture
def pair(home):
    second = factories.endpoint("vps-2", report_secret="reports-of-vps-2")
    group = EndpointGroup.objects.create(slug="pair", mode="failover")
    groups.set_members(group=group, slugs=["vps-2", "vps-1"])
    home.strategy.endpoints.clear()
    home.strategy.endpoint_groups.add(group)
    EndpointState.objects.create(
        endpoint=second, since=NOW, breaker="OPEN", failures=7, probe_at=NOW + timedelta(seconds=30), checked_at=NOW,
        healthy=False, check_ms=41, check_error="HTTP 503",
    )  # fmt: skip
    hour = clock.now().replace(minute=0, second=0, microsecond=0)
    UptimeHour.objects.create(endpoint=second, hour=hour - timedelta(hours=2), checks=120, ok=118, ms=1180)
    UptimeHour.objects.create(endpoint=second, hour=hour - timedelta(days=20), checks=120, ok=120, ms=1200)
    return group


def test_health_breaker_and_uptime_are_shown(boss, pair):
    answer = boss.get("/api/v1/endpoints/vps-2")
    assert answer.status_code == 200
    body = answer.json()
    assert body["health"] == {
        "state": "unhealthy", "checked_at": "2026-03-02T14:30:00.000Z", "latency_ms": 41, "average_ms": 10,
        "error": "HTTP 503", "uptime_24h": "98.33", "uptime_30d": "99.16",
    }  # fmt: skip
    assert body["breaker"] == {
        "state": "OPEN", "since": "2026-03-02T14:30:00.000Z", "failures": 7, "probe_at": "2026-03-02T14:30:30.000Z",
    }  # fmt: skip
    assert body["groups"] == [{"group": "pair", "mode": "failover", "position": 0, "leads": True}]
    assert b"secret-of" not in answer.content
    assert b"reports-of" not in answer.content


def test_one_that_was_never_asked_says_so(boss, pair):
    body = boss.get("/api/v1/endpoints/vps-1").json()
    assert body["health"] == {
        "state": "unknown", "checked_at": None, "latency_ms": None, "average_ms": None, "error": "",
        "uptime_24h": None, "uptime_30d": None,
    }  # fmt: skip
    assert body["breaker"] == {"state": "CLOSED", "since": None, "failures": 0, "probe_at": None}
    assert body["groups"] == [{"group": "pair", "mode": "failover", "position": 1, "leads": False}]


def test_a_switched_off_one_is_off(boss, pair):
    Endpoint.objects.filter(slug="vps-2").update(active=False)
    assert boss.get("/api/v1/endpoints/vps-2").json()["health"]["state"] == "off"


def test_a_chosen_leader_leads_and_a_fan_out_has_none(boss, pair):
    groups.lead(group=pair, endpoint=Endpoint.objects.get(slug="vps-1"), by="op", now=NOW)
    leads = {row["slug"]: row["groups"][0]["leads"] for row in boss.get("/api/v1/endpoints").json()["results"]}
    assert leads == {"vps-1": True, "vps-2": False}
    EndpointGroup.objects.update(mode="fan_out")
    assert boss.get("/api/v1/endpoints/vps-1").json()["groups"][0]["leads"] is None


def test_an_endpoint_is_seen_through_its_group_and_so_are_its_deliveries(of_house, of_nobody, home, pair):
    assert [row["slug"] for row in of_house.get("/api/v1/endpoints").json()["results"]] == ["vps-2", "vps-1"]
    assert len(of_house.get("/api/v1/deliveries").json()["results"]) == 1
    assert of_nobody.get("/api/v1/endpoints").json()["results"] == []
    assert of_nobody.get("/api/v1/endpoints/vps-2").status_code == 404
    assert of_nobody.get("/api/v1/deliveries").json()["results"] == []


def test_a_group_of_somebody_else_is_not_told(of_house, home):
    factories.endpoint("vps-2")
    group = EndpointGroup.objects.create(slug="theirs", mode="failover")
    groups.set_members(group=group, slugs=["vps-1", "vps-2"])
    [row] = of_house.get("/api/v1/endpoints").json()["results"]
    assert (row["slug"], row["groups"]) == ("vps-1", [])
