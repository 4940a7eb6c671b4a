"""A source's pages in a browser: they open, fit, and a rotation shows its secret once."""

from __future__ import annotations

import os

import pytest
from django.urls import reverse

from signals.intake import sources
from signals.models import Source

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]
PASSWORD = "a-password-for-this-run"


def _shot(page, name):
    if folder := os.environ.get("SCREENSHOTS"):
        page.page.wait_for_timeout(300)
        page.page.screenshot(path=f"{folder}/source-{name}.png", full_page=True)


@pytest.mark.parametrize(("width", "dark"), [(1440, False), (390, True)])
def test_they_fit_into_the_window(sign_in, work, width, dark):
    page = sign_in(width=width, height=844 if width < 500 else 1000, dark=dark)
    source = Source.objects.order_by("pk").first()
    for name, path in {
        "list": reverse("admin:signals_source_changelist"),
        "page": reverse("admin:signals_source_change", args=[source.pk]),
        "rotate": reverse("admin:signals_source_rotate_action", args=[source.pk]),
    }.items():
        page.open(path)
        assert page.page.evaluate("document.documentElement.scrollWidth") <= width, f"{name} is wider than the window"
        _shot(page, f"{name}-{width}{'-dark' if dark else ''}")


def test_a_rotation_by_its_buttons(sign_in, work):
    page = sign_in()
    source = Source.objects.order_by("pk").first()
    page.open(reverse("admin:signals_source_rotate_action", args=[source.pk]))
    page.press("button:has-text('Continue')")
    page.page.fill("input[name=confirm_password]", PASSWORD)
    _shot(page, "confirm")
    page.press("button:has-text('Rotate secret')")
    page.page.wait_for_selector("#to-secret")
    _shot(page, "secret")
    secret = page.page.inner_text("#to-secret")
    source.refresh_from_db()
    assert sources.has_secret(source=source, secret=secret)
    page.page.click("[data-copy=to-secret]")
    assert page.page.evaluate("window.getSelection().toString().trim()") == secret
    page.press("a:has-text('I have it')")
    assert secret not in page.page.content()
