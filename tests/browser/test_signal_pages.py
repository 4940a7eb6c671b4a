"""A signal that traded on one account only, its decisions, and running it for the others: in a browser, on a desk and
on a phone, light and dark."""

from __future__ import annotations

import os
from datetime import timedelta
from decimal import Decimal

import pytest
from django.urls import reverse

from signals.models import Decision, EquityPoint, PaperBalance, PnlDay
from signals.pipeline.drain import drain
from signals.portfolio import equity
from signals.risk import switch
from tests import factories
from tests.browser.conftest import PASSWORD
from tradeops.core import clock

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]


@pytest.fixture
def again(work):
    """`work.one` traded on desk-1; desk-2's switch was on and is off by now, desk-3's is still on."""
    now = clock.now()
    for number in (1, 2, 3):
        factories.account(f"desk-{number}", prices="simulated")
    for slug in ("desk-2", "desk-3"):
        switch.set(scope="account", key=slug, on=True, reason="maintenance", by="op", now=now)
    accounts = list(factories.Account.objects.filter(slug__startswith="desk-").order_by("slug"))
    for rule, value in {"max_open_positions": "20", "max_spread": "2%", "max_exposure": {"gross": "90000"}}.items():
        factories.limit(rule, value)
    strategy = factories.strategy("swing", accounts=accounts)
    work.one = factories.signal(strategy, quantity=Decimal("0.02"))
    drain()
    switch.set(scope="account", key="desk-2", on=False, reason="over", by="op", now=now)
    work.desk = accounts[0]
    for number in range(400):
        value = Decimal(100000 + 37 * number - (number % 23) * 190)
        EquityPoint.objects.create(account=work.desk, at=now - number * equity.POINT_EVERY, equity=value)
    equity.store(work.desk, Decimal("100012.5"), at=now)
    PaperBalance.objects.get_or_create(account=work.desk, currency="USDT", defaults={"amount": 99000})
    for number in range(60):
        PnlDay.objects.create(
            strategy=strategy, account=work.desk, symbol="ETH/USDT", day=(now - timedelta(days=number)).date(),
            currency="USDT", realised_pnl=Decimal((number * 37) % 101 - 40), fees=Decimal("1.2"), fills=2,
        )  # fmt: skip
    return work


def pages(work) -> dict[str, str]:
    refused = Decision.objects.get(signal=work.one, account__slug="desk-3")
    return {
        "signal": reverse("admin:signals_signal_change", args=[work.one.pk]),
        "run-again": reverse("admin:signals_signal_run_again", args=[work.one.pk]),
        "decision": reverse("admin:signals_decision_change", args=[refused.pk]),
        "decisions": reverse("admin:signals_decision_changelist"),
        "account": reverse("admin:accounts_account_change", args=[work.desk.pk]),
        "pnl": reverse("admin:signals_pnlday_changelist"),
        "positions": reverse("admin:signals_position_changelist") + "?is_open__exact=1",
        "signals": reverse("admin:signals_signal_changelist"),
    }


@pytest.mark.parametrize(("width", "dark"), [(1440, False), (390, True)])
def test_they_fit_into_the_window(sign_in, again, width, dark):
    page = sign_in(width=width, height=844 if width < 500 else 1000, dark=dark)
    for name, path in pages(again).items():
        page.open(path)
        assert page.page.evaluate("document.documentElement.scrollWidth") <= width, f"{name} is wider than the window"
        _keep(page, f"{name}-{width}{'-dark' if dark else ''}")


def test_an_operator_runs_it_for_the_others(sign_in, again):
    page = sign_in(width=390, height=844)
    page.open(pages(again)["signal"])
    page.press("text=Run for missing accounts")
    page.page.fill("#id_reason", "the venue was down")
    page.page.uncheck("input[name=accounts][value='swing desk-3']")
    page.press("button:has-text('Continue')")
    _keep(page, "run-again-confirm-390")
    page.page.fill("#id_confirm_password", PASSWORD)
    page.press("button:has-text('Run it for these accounts')")
    page.page.wait_for_url(f"**{pages(again)['signal']}")
    drain()
    page.page.wait_for_selector("text=op asked for it once more")
    page.page.wait_for_selector("text=desk-1 and desk-2")  # the page follows by itself
    _keep(page, "signal-after-390")
    page.well("running it for the others")


def _keep(page, name: str) -> None:
    if folder := os.environ.get("SCREENSHOTS"):
        page.page.wait_for_timeout(300)
        page.page.screenshot(path=f"{folder}/signal-{name}.png", full_page=True)
