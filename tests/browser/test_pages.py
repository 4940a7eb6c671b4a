"""Every page of the admin in a real browser: it opens, its scripts run, and it asks nobody but us."""

from __future__ import annotations

import os

import pytest
from django.contrib import admin
from django.test import RequestFactory
from django.urls import reverse

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]


def _paths(user) -> list[str]:
    """Each registered model's list, its first item, and its add page where one may add."""
    request = RequestFactory().get("/")
    request.user = user
    found = []
    for model, page in sorted(admin.site._registry.items(), key=lambda pair: pair[0]._meta.label):
        name = f"{model._meta.app_label}_{model._meta.model_name}"
        found.append(reverse(f"admin:{name}_changelist"))
        first = page.get_queryset(request).first()
        if first is not None:
            found.append(reverse(f"admin:{name}_change", args=[first.pk]))
        if page.has_add_permission(request):
            found.append(reverse(f"admin:{name}_add"))
    return found


def test_it_opens_every_page_without_an_error_or_a_stranger(sign_in, work):
    page = sign_in()
    paths = _paths(work.operator)
    assert len(paths) > 50
    for path in [*paths, reverse("admin:signals_riskscope_turn"), "/admin/password_change/", "/api/docs/"]:
        page.open(path)


@pytest.mark.parametrize(("width", "dark"), [(1440, False), (1440, True), (390, False), (390, True)])
def test_it_fits_the_main_pages_into_the_window(sign_in, work, width, dark):
    page = sign_in(width=width, height=844 if width < 500 else 1000, dark=dark)
    for name, path in {
        "dashboard": "/admin/",
        "signal": reverse("admin:signals_signal_change", args=[work.signal.pk]),
        "signals": reverse("admin:signals_signal_changelist"),
        "strategy": reverse("admin:signals_strategy_change", args=[work.strategy.pk]),
        "kill": reverse("admin:signals_riskscope_turn"),
    }.items():
        page.open(path)
        assert page.page.evaluate("document.documentElement.scrollWidth") <= width, f"{name} is wider than the window"
        if folder := os.environ.get("SCREENSHOTS"):
            page.page.wait_for_timeout(300)
            page.page.screenshot(path=f"{folder}/{name}-{width}{'-dark' if dark else ''}.png", full_page=True)


def test_it_shows_the_signal_from_receipt_to_the_last_notification(sign_in, work):
    page = sign_in()
    page.open(reverse("admin:signals_signal_change", args=[work.signal.pk]))
    stages = page.page.locator(".to-stage").all_inner_texts()
    assert stages == [
        "received", "routed", "decided", "decided", "decided", "order_created", "order_created", "order_sent",
        "order_sent", "filled", "filled", "position", "position", "notified", "notified", "delivered",
    ]  # fmt: skip
    assert page.page.locator(".to-bar b").inner_text() == (
        "It traded: buy BTC/USDT filled on paper-1 and paper-2 at 50000."
    )


def test_it_shows_a_hostile_payload_as_text(sign_in, work):
    from signals.models import Signal

    page = sign_in()
    page.open(reverse("admin:signals_signal_change", args=[Signal.objects.get(status="REJECTED").pk]))
    assert '"note": "<script>alert(1)</script>"' in page.page.locator(".to-json").first.inner_text()


def test_it_keeps_the_dashboard_fresh(sign_in, work):
    page = sign_in()
    before = page.page.locator(".to-tile strong").first.inner_text()
    from tests import life
    from tradeops.core import clock

    life.traded(work, at=clock.now())
    page.page.wait_for_function(
        "before => document.querySelector('.to-tile strong').innerText !== before", arg=before, timeout=15_000
    )
    page.well("the refreshed dashboard")


def test_it_turns_the_kill_switch_after_the_password_only(sign_in, work):
    from signals.models import RiskScope

    page = sign_in()
    page.press("text=Kill switch >> nth=-1")
    page.open(reverse("admin:signals_riskscope_turn") + "?target=global&turn=on")
    page.page.fill("#id_reason", "the feed is wrong")
    page.press("text=Continue")
    page.page.fill("#id_confirm_password", "not-the-password")
    page.press("button:has-text('Turn on')")
    assert "That is not your password" in page.page.content()
    assert not RiskScope.objects.filter(scope="global", kill_switch=True).exists()
    page.page.fill("#id_confirm_password", "a-password-for-this-run")
    page.press("button:has-text('Turn on')")
    page.page.wait_for_url("**/turn/")
    row = RiskScope.objects.get(scope="global")
    assert (row.kill_switch, row.reason, row.changed_by) == (True, "the feed is wrong", "op")
    page.open("/admin/")
    assert "Kill switch on: global." in page.page.locator(".to-bar").inner_text()


def test_it_sends_a_test_alert_and_lands_on_its_page(sign_in, work):
    from signals.models import Signal

    page = sign_in()
    page.open(reverse("admin:signals_strategy_change", args=[work.strategy.pk]))
    page.press("text=Send test alert")
    page.page.fill("#id_price", "51000")
    page.press("text=Continue")
    assert "this really trades on paper-1, paper-2" in page.page.content()
    page.page.fill("#id_confirm_password", "a-password-for-this-run")
    page.press("button:has-text('Send test alert')")
    page.page.wait_for_url("**/signals/signal/*/change/")
    signal = Signal.objects.latest("pk")
    assert page.page.url.endswith(f"/admin/signals/signal/{signal.pk}/change/")
    assert (signal.symbol, signal.action, signal.routes) == ("BTCUSDT", "buy", ["trend"])
    assert signal.data["comment"] == "test alert by op"
    page.well("the test alert")
