"""The relay's pages in a browser: they open, fit, and do what their buttons say."""

from __future__ import annotations

import os

import pytest
from django.urls import reverse

from relay.models import Delivery, Endpoint, EndpointGroup, HealthCheck

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]
PASSWORD = "a-password-for-this-run"


@pytest.mark.parametrize(("width", "dark"), [(1440, False), (1440, True), (390, False), (390, True)])
def test_they_fit_into_the_window(sign_in, work, width, dark):
    page = sign_in(width=width, height=844 if width < 500 else 1000, dark=dark)
    sick, group = Endpoint.objects.get(slug="vps-2"), EndpointGroup.objects.get(slug="pair")
    for name, path in {
        "endpoints": reverse("admin:relay_endpoint_changelist"),
        "endpoint": reverse("admin:relay_endpoint_change", args=[work.endpoint.pk]),
        "endpoint-sick": reverse("admin:relay_endpoint_change", args=[sick.pk]),
        "endpoint-test": reverse("admin:relay_endpoint_trial_action", args=[work.endpoint.pk]),
        "breaker": reverse("admin:relay_endpoint_breaker_action", args=[sick.pk]),
        "groups": reverse("admin:relay_endpointgroup_changelist"),
        "group": reverse("admin:relay_endpointgroup_change", args=[group.pk]),
        "leader": reverse("admin:relay_endpointgroup_leader_action", args=[group.pk]),
        "dead": reverse("admin:relay_deadletter_changelist"),
        "replay-all": reverse("admin:relay_deadletter_replay_all"),
        "checks": reverse("admin:relay_healthcheck_changelist"),
    }.items():
        page.open(path)
        assert page.page.evaluate("document.documentElement.scrollWidth") <= width, f"{name} is wider than the window"
        if folder := os.environ.get("SCREENSHOTS"):
            page.page.wait_for_timeout(300)
            page.page.screenshot(path=f"{folder}/relay-{name}-{width}{'-dark' if dark else ''}.png", full_page=True)


def test_ping_now_asks_and_comes_back(sign_in, work):
    page = sign_in()
    path = reverse("admin:relay_endpoint_change", args=[work.endpoint.pk])
    page.open(path)
    assert page.page.locator(".to-chart rect").count() > 100
    before = HealthCheck.objects.filter(endpoint=work.endpoint).count()
    page.press("button:has-text('Ping now')")
    assert page.page.url.endswith(path)
    assert "vps-1: could not connect" in page.page.content()
    assert HealthCheck.objects.filter(endpoint=work.endpoint).count() == before + 1
    page.well("ping now")


def test_dead_letters_are_chosen_looked_at_and_sent_again(sign_in, work):
    page = sign_in()
    page.open(reverse("admin:relay_deadletter_changelist"))
    page.page.click("tr:has-text('HTTP 503') input.action-select")
    page.page.select_option("select[name=action]", "replay_selected")
    page.press("#changelist-actions button[type=submit]")
    assert "1 can be sent again" in page.page.content()
    page.page.fill("#id_confirm_password", PASSWORD)
    page.press("button:has-text('Send again')")
    assert "1 of 1 are on their way." in page.page.content()
    [again] = Delivery.objects.filter(replay_of__isnull=False)
    assert (again.status, again.endpoint.slug) == ("PENDING", "vps-2")
    page.well("sending again")
