"""A good file: what it makes, what the next one changes, and what nobody is told."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest

from accounts.models import Account, Client
from relay.models import Channel, Endpoint, PrivateNetwork
from signals.models import AddressList, RiskLimit, Source, Strategy
from tests.config.portal import ENDPOINT, FULL, SIGNING, TOKEN, apply, lines
from tradeops.core import sealed
from tradeops.core.models import ConfigurationVersion

pytestmark = pytest.mark.django_db


def version() -> int:
    return ConfigurationVersion.objects.values_list("version", flat=True).first() or 0


def test_it_creates_everything_the_file_names():
    assert lines(FULL) == [
        "+ private network 127.0.0.0/8",
        "+ source tv",
        "+ source quant",
        "+ account paper-1",
        "+ account paper-2",
        "+ endpoint vps-1",
        "+ strategy trend",
        "~ risk global: max_open_positions none → 20",
        "~ risk global: max_order_notional none → 10000.5",
        "~ risk strategy trend: max_positions_per_symbol none → 1",
        "~ risk account paper-1: allowed_symbols none → [BTC/USDT]",
        "+ channel ops",
    ]
    tv, quant = Source.objects.get(slug="tv"), Source.objects.get(slug="quant")
    assert (tv.auth, tv.token_digest, tv.secret) == ("token", sealed.token_digest(TOKEN), "")
    assert (tv.allowed_ips, tv.rate_limit, tv.dedup_seconds, tv.default, tv.active) == (
        ["192.0.2.0/24"], 300, 60, False, True,
    )  # fmt: skip
    assert (quant.auth, quant.token_digest, quant.secret, quant.default) == ("hmac", "", SIGNING, True)

    first, second = Account.objects.get(slug="paper-1"), Account.objects.get(slug="paper-2")
    assert (first.broker, first.market, first.initial_balances) == ("paper", "spot", {"USDT": "100000"})
    assert (first.fee_bps, first.prices, first.currency, first.client.slug) == (Decimal(10), "message", "USDT", "house")
    assert (second.currency, second.client.slug, second.initial_balances) == ("USD", "acme", {"USD": "5000.5"})

    vps = Endpoint.objects.get(slug="vps-1")
    assert (vps.url, vps.secret, vps.timeout_seconds) == ("http://127.0.0.1:9101/webhook", ENDPOINT, 10)
    assert (vps.receives, vps.active) == (["signals"], True)

    trend = Strategy.objects.get(slug="trend")
    assert trend.symbols == {
        "BINANCE:BTCUSDT": "BTC/USDT",
        "ETHUSDT": {"symbol": "ETH/USDT", "quantity_unit": "lots", "multiplier": "0.10"},
    }
    assert (trend.engine, trend.mode, trend.sizing_mode, trend.sizing_value) == (
        "A", "live", "fixed_quantity", Decimal("0.10"),
    )  # fmt: skip
    assert sorted(trend.sources.values_list("slug", flat=True)) == ["quant", "tv"]
    assert sorted(trend.accounts.values_list("slug", flat=True)) == ["paper-1", "paper-2"]
    assert list(trend.endpoints.values_list("slug", flat=True)) == ["vps-1"]

    assert {(row.scope, row.key, row.rule): row.value for row in RiskLimit.objects.all()} == {
        ("global", "", "max_open_positions"): "20",
        ("global", "", "max_order_notional"): "10000.5",
        ("strategy", "trend", "max_positions_per_symbol"): "1",
        ("account", "paper-1", "allowed_symbols"): ["BTC/USDT"],
    }
    assert list(PrivateNetwork.objects.values_list("cidr", flat=True)) == ["127.0.0.0/8"]
    ops = Channel.objects.get()
    assert (ops.kind, ops.target, ops.events, ops.level) == ("telegram", "123", ["*"], "warning")


def test_a_second_run_has_nothing_to_do_and_wakes_nobody():
    before = version()
    apply(FULL)
    after_first = version()
    assert after_first == before + 1  # once, whatever the number of changes
    stored = {model: list(model.objects.values()) for model in (Source, Account, Endpoint, Strategy, RiskLimit)}

    assert lines(FULL) == ["= nothing to do"]
    assert version() == after_first
    assert stored == {model: list(model.objects.values()) for model in stored}


def test_a_dry_run_says_the_same_and_changes_nothing():
    before = version()
    promised = lines(FULL, dry_run=True)
    assert (
        Source.objects.count()
        == Account.objects.count()
        == Client.objects.count()
        == PrivateNetwork.objects.count()
        == 0
    )
    assert version() == before
    assert promised == [*lines(FULL), "dry run: nothing was changed"]


def test_it_prints_each_changed_field_and_leaves_what_is_absent():
    apply(FULL)
    assert lines(
        """
strategies:
  - {slug: trend, pyramiding: 1, mode: off, sizing: {mode: fixed_quantity, value: 0.20}, accounts: [paper-1]}
sources:
  - {slug: tv, active: false, allowed_ips: []}
"""
    ) == [
        "~ source tv: allowed_ips [192.0.2.0/24] → none",
        "~ source tv: active true → false",
        "~ strategy trend: mode live → off",
        "~ strategy trend: sizing.value 0.10 → 0.20".replace("0.10", _stored("0.10")),
        "~ strategy trend: pyramiding 0 → 1",
        "~ strategy trend: accounts [paper-1, paper-2] → [paper-1]",
    ]
    trend = Strategy.objects.get(slug="trend")
    assert (trend.mode, trend.pyramiding, trend.sizing_value) == ("off", 1, Decimal("0.20"))
    assert list(trend.accounts.values_list("slug", flat=True)) == ["paper-1"]
    # What the file did not name:
    assert trend.max_age_seconds == 60
    assert len(trend.symbols) == 2
    assert trend.endpoints.count() == 1
    tv = Source.objects.get(slug="tv")
    assert (tv.active, tv.allowed_ips, tv.token_digest) == (False, [], sealed.token_digest(TOKEN))
    assert Account.objects.filter(retired_at=None).count() == 2
    assert RiskLimit.objects.count() == 4


def _stored(text: str) -> str:
    """How this database gives a decimal back: PostgreSQL keeps trailing zeros, text on SQLite has none."""
    from django.db import connection

    return text if connection.vendor == "postgresql" else text.rstrip("0")


def test_it_shows_a_map_by_its_changed_entries():
    apply(FULL)
    assert lines('strategies: [{slug: trend, symbols: {"BINANCE:BTCUSDT": "BTC/USDC", SOLUSDT: "SOL/USDT"}}]') == [
        "~ strategy trend: symbols.BINANCE:BTCUSDT BTC/USDT → BTC/USDC",
        "~ strategy trend: symbols.ETHUSDT {multiplier: 0.10, quantity_unit: lots, symbol: ETH/USDT} → none",
        "~ strategy trend: symbols.SOLUSDT none → SOL/USDT",
    ]
    assert Strategy.objects.get().symbols == {"BINANCE:BTCUSDT": "BTC/USDC", "SOLUSDT": "SOL/USDT"}


def test_a_changed_secret_is_said_but_never_shown():
    apply(FULL)
    report = apply(
        """
sources:
  - {slug: tv, secret: another-token-123}
  - {slug: quant, secret: another-key-1234}
endpoints:
  - {slug: vps-1, secret: third-secret-123, headers: {X-Api-Key: shh-shh-shh, X-Desk: fx}}
"""
    )
    assert report.lines() == [
        "~ source tv: secret (changed)",
        "~ source quant: secret (changed)",
        "~ endpoint vps-1: secret (changed)",
        "~ endpoint vps-1: headers.X-Api-Key (changed)",
        "~ endpoint vps-1: headers.X-Desk none → fx",
    ]
    told = json.dumps(report.to_json())
    assert not [secret for secret in (TOKEN, SIGNING, ENDPOINT, "another", "third", "shh") if secret in told]
    assert Source.objects.get(slug="tv").token_digest == sealed.token_digest("another-token-123")
    assert Source.objects.get(slug="quant").secret == "another-key-1234"
    assert Endpoint.objects.get(slug="vps-1").secret == "third-secret-123"


def test_secrets_come_from_the_environment_and_from_files(monkeypatch, tmp_path):
    monkeypatch.setenv("TV_TOKEN", "token-from-environment")
    (tmp_path / "key.txt").write_text("key-from-a-file\n")
    apply(
        "sources: [{slug: tv, auth: token, secret: {env: TV_TOKEN}}, {slug: q, auth: hmac, secret: {file: key.txt}}]",
        folder=tmp_path,
    )
    assert Source.objects.get(slug="tv").token_digest == sealed.token_digest("token-from-environment")
    assert Source.objects.get(slug="q").secret == "key-from-a-file"


def test_a_source_changes_its_kind_of_authentication_with_its_secret():
    apply(FULL)
    assert lines(f"sources: [{{slug: tv, auth: hmac, secret: {TOKEN}}}]") == [
        "~ source tv: auth token → hmac",
        "~ source tv: secret (changed)",
    ]
    tv = Source.objects.get(slug="tv")
    assert (tv.auth, tv.token_digest, tv.secret) == ("hmac", "", TOKEN)


def test_risk_maps_replace_and_their_items_do_not():
    apply(FULL)
    assert lines("risk: {global: {max_open_positions: 10}, accounts: {paper-1: {}}}") == [
        "~ risk global: max_open_positions 20 → 10",
        "~ risk global: max_order_notional 10000.5 → none",
        "~ risk account paper-1: allowed_symbols [BTC/USDT] → none",
    ]
    assert {(row.scope, row.key, row.rule): row.value for row in RiskLimit.objects.all()} == {
        ("global", "", "max_open_positions"): "10",
        ("strategy", "trend", "max_positions_per_symbol"): "1",
    }


def test_private_networks_replace():
    apply(FULL)
    assert lines("private_networks: [10.0.0.0/8, 127.0.0.0/8]") == ["+ private network 10.0.0.0/8"]
    assert lines("private_networks: [10.0.0.0/8]") == ["- private network 127.0.0.0/8"]
    assert list(PrivateNetwork.objects.values_list("cidr", flat=True)) == ["10.0.0.0/8"]


def test_allowed_ips_may_name_an_address_list():
    AddressList.objects.get_or_create(slug="desk", defaults={"networks": ["192.0.2.7/32"]})
    apply(f"sources: [{{slug: tv, auth: token, secret: {TOKEN}, allowed_ips: [desk, 192.0.2.1]}}]")
    assert Source.objects.get(slug="tv").allowed_ips == ["desk", "192.0.2.1/32"]


def test_an_empty_file_and_empty_sections_do_nothing():
    before = version()
    assert lines("") == lines("# later") == lines("sources:\naccounts: []\nrisk: {}") == ["= nothing to do"]
    assert version() == before


def test_it_reports_to_programs():
    apply(FULL)
    report = apply("strategies: [{slug: trend, pyramiding: 2}]", dry_run=True)
    assert report.to_json() == {
        "file": "portal.yaml",
        "dry_run": True,
        "changes": [
            {
                "action": "update",
                "kind": "strategy",
                "slug": "trend",
                "field": "pyramiding",
                "before": "0",
                "after": "2",
            }
        ],
    }
    assert Strategy.objects.get().pyramiding == 0
