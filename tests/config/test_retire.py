"""`state: absent` takes out of use and deletes nothing."""

from __future__ import annotations

from datetime import timedelta

import pytest

from accounts.models import Account
from relay.models import Channel, Endpoint
from signals.models import Order, Position, Source, Strategy
from tests.config.portal import FULL, NOW, TOKEN, apply, faults, lines
from tradeops.core import sealed

pytestmark = pytest.mark.django_db

ALL_GONE = """
strategies: [{slug: trend, state: absent}]
accounts: [{slug: paper-1, state: absent}]
endpoints: [{slug: vps-1, state: absent}]
sources: [{slug: tv, state: absent}]
channels: [{slug: ops, state: absent}]
"""


@pytest.fixture(autouse=True)
def _applied():
    apply(FULL)


def position(**fields):
    return Position.objects.create(
        strategy=Strategy.objects.get(slug="trend"),
        account=Account.objects.get(slug="paper-1"),
        symbol="BTC/USDT",
        side="long",
        quantity=1,
        updated_at=NOW,
        **fields,
    )


def test_it_retires_and_keeps_the_rows():
    assert lines(ALL_GONE) == [
        "- source tv",
        "- account paper-1",
        "- endpoint vps-1",
        "- strategy trend",
        "- channel ops",
    ]
    for model, slug in ((Account, "paper-1"), (Endpoint, "vps-1"), (Source, "tv"), (Channel, "ops")):
        row = model.objects.get(slug=slug)
        assert (row.active, row.retired_at) == (False, NOW)
    trend = Strategy.objects.get(slug="trend")
    assert (trend.mode, trend.retired_at) == ("off", NOW)
    assert trend.accounts.count() == 2  # history stays readable
    assert Source.objects.get(slug="quant").retired_at is None

    assert lines(ALL_GONE) == ["= nothing to do"]
    assert lines("sources: [{slug: never-there, state: absent}]") == ["= nothing to do"]


def test_applying_an_item_again_brings_it_back():
    apply(ALL_GONE)
    assert lines("sources: [{slug: tv, rate_limit: 10}]\naccounts: [{slug: paper-1, active: false}]") == [
        "+ source tv (was retired)",
        "~ source tv: rate_limit 300 → 10",
        "+ account paper-1 (was retired)",
        "~ account paper-1: active true → false",
    ]
    tv = Source.objects.get(slug="tv")
    assert (tv.active, tv.retired_at, tv.rate_limit, tv.token_digest) == (True, None, 10, sealed.token_digest(TOKEN))
    paper = Account.objects.get(slug="paper-1")
    assert (paper.active, paper.retired_at) == (False, None)
    assert lines("strategies: [{slug: trend, endpoints: []}]") == [
        "+ strategy trend (was retired)",
        "~ strategy trend: endpoints [vps-1] → none",
    ]
    assert Strategy.objects.get().mode == "off"  # back, but not trading until the file says so


@pytest.mark.parametrize(
    ("section", "slug", "noun"), [("accounts", "paper-1", "account"), ("strategies", "trend", "strategy")]
)
def test_it_refuses_with_an_open_position(section, slug, noun):
    position(is_open=True)
    # Switched off in the same file, so that the position is all that stands in the way of the account.
    text = f"{section}: [{{slug: {slug}, state: absent}}]"
    text += "\nstrategies: [{slug: trend, mode: off}]" if section == "accounts" else ""
    assert faults(text) == [
        f"portal.yaml:1: {section}[{slug}]: {noun} '{slug}' has open positions or orders (BTC/USDT) and cannot be "
        "retired; close them first"
    ]
    assert Strategy.objects.get().mode == "live"
    assert Account.objects.get(slug="paper-1").retired_at is None


def test_it_refuses_with_an_unsettled_order_and_not_with_a_settled_one():
    order = Order.objects.create(
        client_order_id="a1",
        origin_id="1",
        strategy=Strategy.objects.get(slug="trend"),
        account=Account.objects.get(slug="paper-1"),
        mode="live",
        symbol="ETH/USDT",
        side="buy",
        position_side="long",
        intent="open",
        quantity=1,
        status=Order.Status.UNKNOWN,
        created_at=NOW,
        expires_at=NOW + timedelta(minutes=1),
        due_at=NOW,
    )
    position(is_open=False)  # flat: no obstacle
    assert "open positions or orders (ETH/USDT)" in faults("strategies: [{slug: trend, state: absent}]")[0]
    Order.objects.filter(pk=order.pk).update(status=Order.Status.FILLED)
    assert lines("strategies: [{slug: trend, state: absent}]") == ["- strategy trend"]


@pytest.mark.parametrize(("section", "slug"), [("accounts", "paper-1"), ("endpoints", "vps-1"), ("sources", "tv")])
def test_it_refuses_while_a_running_strategy_uses_the_item(section, slug):
    assert faults(f"{section}:\n  - {{slug: {slug}, state: absent}}") == [
        f"portal.yaml:2: {section}[{slug}]: '{slug}' would be retired while strategy 'trend' (live) still uses it; "
        f"take it out of that strategy's `{section}`, or switch the strategy off"
    ]
    assert not Strategy.objects.get().sources.exclude(retired_at=None).exists()
    # Taken out in the same file, it goes:
    assert lines(f"{section}: [{{slug: {slug}, state: absent}}]\nstrategies: [{{slug: trend, {section}: []}}]")[0] == (
        f"- {section.removesuffix('s')} {slug}"
    )


def test_a_strategy_is_not_switched_on_with_something_retired():
    apply("strategies: [{slug: trend, mode: off}]\nendpoints: [{slug: vps-1, state: absent}]")
    assert faults("strategies: [{slug: trend, mode: paper}]") == [
        "portal.yaml:1: strategies[trend]: 'vps-1' would be retired while strategy 'trend' (paper) still uses it; "
        "take it out of that strategy's `endpoints`, or switch the strategy off"
    ]
    assert Strategy.objects.get().mode == "off"


def test_switching_a_disabled_endpoint_on_answers_why_it_was_off():
    Endpoint.objects.filter(slug="vps-1").update(active=False, disabled_reason="it answered 410")
    assert lines("endpoints: [{slug: vps-1, timeout_seconds: 5}]") == ["~ endpoint vps-1: timeout_seconds 10 → 5"]
    assert Endpoint.objects.get().disabled_reason == "it answered 410"
    assert lines("endpoints: [{slug: vps-1, active: true}]") == ["~ endpoint vps-1: active false → true"]
    assert (Endpoint.objects.get().active, Endpoint.objects.get().disabled_reason) == (True, "")
