"""Experiments and decisions in a browser: they open and fit, in light and dark, on a desk and on a phone."""

from __future__ import annotations

import os
from decimal import Decimal

import pytest
from django.urls import reverse

from signals.models import Decision, RoundTrip
from tests import factories
from tests.factories import NOW
from tradeops.core import configuration

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]
D = Decimal
VIEWS = [
    {"agent": "trend", "view": "sell", "confidence": "0.6123", "weight": "2",
     "reason": "EMA 12 is -1.22 average true ranges from EMA 26"},
    {"agent": "momentum", "view": "hold", "confidence": "0", "weight": "1", "reason": "RSI 14 is 51.2: no momentum"},
    {"agent": "volatility", "view": "buy", "confidence": "0.4714", "weight": "1",
     "reason": "the close is +1.41 standard deviations from the mean of 20"},
    {"agent": "sentiment", "view": "abstain", "confidence": None, "weight": "1",
     "reason": "the analysis is 26.0 hours old, 24 are allowed"},
    {"agent": "risk", "view": "pass", "confidence": None, "weight": "0", "reason": "the spread is 0.012%"},
]  # fmt: skip


@pytest.fixture
def decision(work):
    account = factories.account("trial-1")
    strategy = factories.strategy("tried", accounts=[account], experiment={"A": 50, "B": 50, "mode": "shadow"})
    for number, outcome in enumerate(("APPROVED", "REJECTED", "APPROVED")):
        signal = factories.signal(strategy)
        for engine, shadow, told in (("A", False, "APPROVED"), ("B", True, outcome)):
            found = Decision.objects.create(
                signal=signal, strategy=strategy, account=account, engine=engine, variant=engine, shadow=shadow,
                outcome=told, decided_at=NOW, intent="open", mode="paper", confidence=D("0.2512"),
                reason="the vote of 3 agents is -0.2512: it opens no long", views=VIEWS if shadow else [],
                rules=[
                    {"rule": "engine", "verdict": "FAIL", "value": "-0.2512", "limit": "0.2"},
                    {"rule": "max_order_notional", "verdict": "PASS", "value": "500", "limit": "10000"},
                ],
                enrichment={"quote": {"bid": "49999", "ask": "50001", "spread": "2", "at": "2026-03-02T14:30:00.000Z"},
                            "session": "24h"},
            )  # fmt: skip
        RoundTrip.objects.create(
            strategy=strategy, account=account, symbol="BTC/USDT", side="long", variant="A", opened_at=NOW,
            realised_pnl=D(number) - D("0.5"), closed_at=NOW,
        )  # fmt: skip
    configuration.changed()
    return found


@pytest.mark.parametrize(("width", "dark"), [(1440, False), (1440, True), (390, True)])
def test_they_fit_into_the_window(sign_in, decision, width, dark):
    page = sign_in(width=width, height=844 if width < 500 else 1000, dark=dark)
    for name, path in {
        "experiments": reverse("admin:signals_strategy_experiments"),
        "decision": reverse("admin:signals_decision_change", args=[decision.pk]),
        "signal": reverse("admin:signals_signal_change", args=[decision.signal_id]),
    }.items():
        page.open(path)
        assert page.page.evaluate("document.documentElement.scrollWidth") <= width, f"{name} is wider than the window"
        if folder := os.environ.get("SCREENSHOTS"):
            page.page.wait_for_timeout(300)
            page.page.screenshot(
                path=f"{folder}/experiment-{name}-{width}{'-dark' if dark else ''}.png", full_page=True
            )
