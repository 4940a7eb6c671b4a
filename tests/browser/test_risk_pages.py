"""Risk, approvals and maintenance in a browser: they open and fit, light and dark, on a desk and on a phone."""

from __future__ import annotations

import os
from datetime import timedelta
from decimal import Decimal

import pytest
from django.urls import reverse

from signals.models import Approval, RiskScope, WorkItem
from signals.portfolio import equity
from signals.risk import maintenance
from tests import factories
from tradeops.core import clock

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]


@pytest.fixture
def watch(work):
    now = clock.now()
    for rule, value in {
        "max_open_positions": "2",
        "daily_loss": "5%",
        "max_drawdown": "2500",
        "max_exposure": {"gross": "50000", "net": "20000", "per_symbol": "1200"},
        "max_orders_per_minute": "30",
        "market_hours": "XNYS",
    }.items():
        factories.limit(rule, value)
    factories.limit("max_leverage", "3", scope="account", key="paper-1")
    factories.limit("cooldown_after_loss", "900", scope="strategy", key="trend")
    equity.store(work.accounts[0], Decimal(100000), at=now - timedelta(seconds=20))
    equity.store(work.accounts[0], Decimal("95800.55"), at=now)
    RiskScope.objects.update_or_create(
        scope="strategy",
        key="trend",
        defaults={"halted_at": now, "halted_reason": "31 orders within a minute, the limit is 30"},
    )
    work.window = maintenance.add(
        kind="venue", key="okx", starts_at=now, ends_at=now + timedelta(hours=2), reason="upgrade", by="op", now=now
    )
    item = WorkItem.objects.first()
    work.approval = Approval.objects.create(
        item=item, signal=item.signal, strategy=work.strategy, asked_at=now, expires_at=now + timedelta(minutes=5),
        preview=[
            {
                "account": "paper-1", "closes_first": False, "mode": "live",
                "orders": [{
                    "side": "buy", "position_side": "long", "symbol": "BTC/USDT", "quantity": "0.01", "type": "market",
                    "price": "50000",
                }],
                "rules": [{"rule": "max_order_notional", "verdict": "PASS", "value": "500", "limit": "10000"}],
            },
            {"endpoint": "vps-1"},
        ],
    )  # fmt: skip
    return work


def pages(watch) -> dict[str, str]:
    return {
        "risk": reverse("admin:signals_risklimit_use"),
        "resume": reverse(
            "admin:signals_riskscope_resume", args=[RiskScope.objects.get(scope="strategy", key="trend").pk]
        ),
        "approvals": reverse("admin:signals_approval_changelist"),
        "approval": reverse("admin:signals_approval_change", args=[watch.approval.pk]),
        "approval-yes": reverse("admin:signals_approval_yes", args=[watch.approval.pk]),
        "maintenance": reverse("admin:signals_maintenancewindow_changelist"),
        "maintenance-add": reverse("admin:signals_maintenancewindow_add"),
        "maintenance-end": reverse("admin:signals_maintenancewindow_end", args=[watch.window.pk]),
    }


@pytest.mark.parametrize(("width", "dark"), [(1440, False), (390, True)])
def test_they_fit_into_the_window(sign_in, work, watch, width, dark):
    page = sign_in(width=width, height=844 if width < 500 else 1000, dark=dark)
    for name, path in pages(watch).items():
        page.open(path)
        assert page.page.evaluate("document.documentElement.scrollWidth") <= width, f"{name} is wider than the window"
        if folder := os.environ.get("SCREENSHOTS"):
            page.page.wait_for_timeout(300)
            page.page.screenshot(path=f"{folder}/risk-{name}-{width}{'-dark' if dark else ''}.png", full_page=True)
