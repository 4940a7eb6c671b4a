"""The account's pages in a browser: they open, fit, take keys without showing them, and freeze with a reason."""

from __future__ import annotations

import os

import pytest
from django.urls import reverse

from accounts import vault
from accounts.models import Account, Credential
from tests.browser import account_rows
from tests.fakes import keyed_broker
from tradeops.core import clock

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]
PASSWORD = "a-password-for-this-run"


@pytest.fixture
def rows(work, settings):
    settings.BROKERS = {**settings.BROKERS, "keyed": "tests.fakes.keyed_broker.KeyedBroker"}
    keyed_broker.reset()
    return account_rows.fill(now=clock.now())


def url(row, name="change"):
    return reverse(f"admin:accounts_account_{name}", args=[row.pk])


@pytest.mark.parametrize(("width", "dark"), [(1440, False), (1440, True), (390, False), (390, True)])
def test_they_fit_into_the_window(sign_in, rows, work, width, dark):
    page = sign_in(width=width, height=844 if width < 500 else 1000, dark=dark)
    for name, path in {
        "list": reverse("admin:accounts_account_changelist"),
        "well": url(rows.well),
        "frozen": url(rows.frozen),
        "withdraws": url(rows.withdraws),
        "new": url(rows.bare),
        "paper": url(work.accounts[1]),
        "credentials": url(rows.bare, "credentials_action"),
        "freeze": url(rows.well, "freeze_action"),
        "unfreeze": url(rows.frozen, "unfreeze_action"),
        "erase": url(rows.well, "erase"),
    }.items():
        page.open(path)
        assert page.page.evaluate("document.documentElement.scrollWidth") <= width, f"{name} is wider than the window"
        if folder := os.environ.get("SCREENSHOTS"):
            page.page.wait_for_timeout(300)
            page.page.screenshot(path=f"{folder}/account-{name}-{width}{'-dark' if dark else ''}.png", full_page=True)


def test_keys_are_set_and_never_seen_again(sign_in, rows):
    page = sign_in()
    page.open(url(rows.bare))
    page.press("text=Set credentials")
    page.page.wait_for_url("**/credentials/")
    page.page.fill("#id_part_api_key", "typed-api-key")
    page.page.fill("#id_part_secret", "typed-secret-value")
    page.page.fill("#id_part_passphrase", "typed-passphrase")
    page.page.fill("#id_confirm_password", "not-the-password")
    page.press("text=Seal and store")
    assert "That is not your password" in page.page.content()
    assert "typed-" not in page.page.content()
    assert page.page.input_value("#id_part_secret") == ""
    page.page.fill("#id_part_api_key", "typed-api-key")
    page.page.fill("#id_part_secret", "typed-secret-value")
    page.page.fill("#id_part_passphrase", "typed-passphrase")
    page.page.fill("#id_confirm_password", PASSWORD)
    page.press("text=Seal and store")
    page.page.wait_for_url("**/change/")
    assert "typed-" not in page.page.content()
    assert "waits for a trade worker" in page.page.content().lower()
    assert vault.open_for(rows.bare)["secret"] == "typed-secret-value"


def test_test_connection_asks_and_comes_back(sign_in, rows):
    page = sign_in()
    page.open(url(rows.well))
    page.press("button:has-text('Test connection')")
    assert page.page.url.endswith(url(rows.well))
    assert "The connection is tested by a trade worker" in page.page.content()
    assert Credential.objects.get(account=rows.well).test_asked_at is not None
    page.well("test connection")


def test_it_is_unfrozen_after_a_reason_and_the_password(sign_in, rows):
    page = sign_in()
    page.open(url(rows.frozen))
    page.press("a:has-text('Unfreeze')")
    page.page.fill("#id_reason", "bought by hand, adopted")
    page.press("text=Continue")
    assert "the venue holds 0.5 BTC more than our books" in page.page.content()
    page.page.fill("#id_confirm_password", PASSWORD)
    page.press("button:has-text('Unfreeze')")
    page.page.wait_for_url("**/change/")
    assert Account.objects.get(pk=rows.frozen.pk).frozen_reason == ""
    page.well("unfreezing")
