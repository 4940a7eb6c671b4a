"""Pages of orders and differences in a browser: they open, fit, and do what their buttons say."""

from __future__ import annotations

import os

import pytest
from django.urls import reverse

from signals.models import Order, ReconciliationCursor
from tests.browser import order_rows
from tradeops.core import clock

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]
PASSWORD = "a-password-for-this-run"


@pytest.fixture
def desk(work):
    return order_rows.fill(work, now=clock.now())


def pages(desk) -> dict[str, str]:
    return {
        "orders": reverse("admin:signals_order_changelist"),
        "order-unknown": reverse("admin:signals_order_change", args=[desk.unknown.pk]),
        "order-resting": reverse("admin:signals_order_change", args=[desk.resting.pk]),
        "order-cancel": reverse("admin:signals_order_cancel", args=[desk.resting.pk]),
        "order-never": reverse("admin:signals_order_never_arrived", args=[desk.unknown.pk]),
        "flatten": reverse("admin:signals_order_flatten") + "?account=okx-desk",
        "differences": reverse("admin:signals_venuedifference_changelist"),
        "difference": reverse("admin:signals_venuedifference_change", args=[desk.difference.pk]),
        "difference-external": reverse("admin:signals_venuedifference_external_action", args=[desk.difference.pk]),
        "comparisons": reverse("admin:signals_reconciliation_changelist"),
        "external": reverse("admin:signals_externaltrade_changelist"),
        "positions": reverse("admin:signals_externalposition_changelist"),
        "blocks": reverse("admin:signals_symbolblock_changelist"),
        "block": reverse("admin:signals_symbolblock_change", args=[desk.block.pk]),
        "answers": reverse("admin:signals_orderanswer_changelist"),
    }


@pytest.mark.parametrize(("width", "dark"), [(1440, False), (1440, True), (390, False), (390, True)])
def test_they_fit_into_the_window(sign_in, work, desk, width, dark):
    page = sign_in(width=width, height=844 if width < 500 else 1000, dark=dark)
    for name, path in pages(desk).items():
        page.open(path)
        assert page.page.evaluate("document.documentElement.scrollWidth") <= width, f"{name} is wider than the window"
        _shot(page, name, width, dark)


def _shot(page, name: str, width: int, dark: bool) -> None:
    if folder := os.environ.get("SCREENSHOTS"):
        page.page.wait_for_timeout(300)
        page.page.screenshot(path=f"{folder}/order-{name}-{width}{'-dark' if dark else ''}.png", full_page=True)


def test_it_flattens_after_a_preview_and_the_password(sign_in, work, desk):
    page = sign_in()
    page.open(reverse("admin:signals_order_flatten") + "?account=okx-desk")
    page.page.fill("#id_reason", "end of the day")
    page.press("text=Show what would be closed")
    said = page.page.locator(".to-bar b").inner_text()
    assert said == "1 position closed at the market, 2 entries taken back."
    _shot(page, "flatten-preview", 1440, False)
    page.page.fill("#id_confirm_password", "not-the-password")
    page.press("button:has-text('Flatten')")
    assert not Order.objects.filter(origin="manual", intent="close").exists()
    page.page.fill("#id_confirm_password", PASSWORD)
    page.press("button:has-text('Flatten')")
    assert "The orders are on their way." in page.page.content()
    _shot(page, "flattened", 1440, False)
    close = Order.objects.get(account=desk.account, intent="close")
    assert (close.side, str(close.quantity), close.status) == ("sell", "0.12", "PENDING")
    page.well("flattening")


def test_it_asks_the_venue_and_has_accounts_compared(sign_in, work, desk):
    page = sign_in()
    page.open(reverse("admin:signals_order_change", args=[desk.unknown.pk]))
    page.press("button:has-text('Ask the venue')")
    assert desk.unknown.steps.filter(step="asked_after", detail="by op").exists()
    page.open(reverse("admin:signals_venuedifference_changelist"))
    page.press("button:has-text('Compare now')")
    page.page.wait_for_url("**/reconciliation/")
    assert ReconciliationCursor.objects.get(account=desk.account).asked_cause == "demand"
    page.well("comparing")
