"""Pages of positions, trades and profit in a browser: they open and fit, in light and dark, on a desk and a phone."""

from __future__ import annotations

import os

import pytest
from django.urls import reverse

from tests.browser import position_rows
from tradeops.core import clock

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]


@pytest.mark.parametrize(("width", "dark"), [(1440, False), (1440, True), (390, False), (390, True)])
def test_they_fit_into_the_window(sign_in, work, width, dark):
    held = position_rows.fill(work, now=clock.now())
    page = sign_in(width=width, height=844 if width < 500 else 1000, dark=dark)
    for name, path in {
        "positions": reverse("admin:signals_position_changelist"),
        "position": reverse("admin:signals_position_change", args=[held.pk]),
        "trades": reverse("admin:signals_roundtrip_changelist"),
        "pnl": reverse("admin:signals_pnlday_changelist"),
        "plans": reverse("admin:signals_exitplan_changelist"),
    }.items():
        page.open(path)
        assert page.page.evaluate("document.documentElement.scrollWidth") <= width, f"{name} is wider than the window"
        if folder := os.environ.get("SCREENSHOTS"):
            page.page.wait_for_timeout(300)
            page.page.screenshot(path=f"{folder}/position-{name}-{width}{'-dark' if dark else ''}.png", full_page=True)


def test_a_position_leads_to_the_preview_of_its_close(sign_in, work):
    held = position_rows.fill(work, now=clock.now())
    page = sign_in()
    page.open(reverse("admin:signals_position_change", args=[held.pk]))
    page.press("text=Close…")
    assert "flatten" in page.page.url
    assert page.page.locator("select[name=symbol]").input_value() == "ETH/USDT"
    assert page.wrong == []
