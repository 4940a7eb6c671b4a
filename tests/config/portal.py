"""A complete file of the format, and applying texts to the test database."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tradeops.config.apply import apply_text
from tradeops.config.errors import ConfigurationFileError
from tradeops.config.report import Report

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
TOKEN, SIGNING, ENDPOINT = (secrets.token_hex(12) for _ in range(3))

FULL = f"""\
sources:
  - {{slug: tv, auth: token, secret: {TOKEN}, allowed_ips: [192.0.2.0/24], rate_limit: 300, active: true}}
  - {{slug: quant, auth: hmac, secret: {SIGNING}, allowed_ips: [], rate_limit: 0, default: true}}
accounts:
  - {{slug: paper-1, broker: paper, market: spot, balances: {{USDT: "100000"}}, fee_bps: "10", prices: message}}
  - {{slug: paper-2, broker: paper, client: acme, currency: USD, balances: {{USD: 5000.50}}}}
endpoints:
  - {{slug: vps-1, url: "http://127.0.0.1:9101/webhook", secret: {ENDPOINT}, timeout_seconds: 10, receives: [signals]}}
strategies:
  - slug: trend
    sources: [tv, quant]
    engine: A
    mode: live
    symbols:
      "BINANCE:BTCUSDT": "BTC/USDT"
      ETHUSDT: {{symbol: "ETH/USDT", quantity_unit: lots, multiplier: "0.10"}}
    sizing: {{mode: fixed_quantity, value: "0.10"}}
    exits: {{stop_loss: null, take_profit: [], trailing_stop: null}}
    max_age_seconds: 60
    pyramiding: 0
    opposite: reverse
    accounts: [paper-1, paper-2]
    endpoints: [vps-1]
risk:
  global: {{max_open_positions: 20, max_order_notional: "10000.50"}}
  strategies: {{trend: {{max_positions_per_symbol: 1}}}}
  accounts: {{paper-1: {{allowed_symbols: [BTC/USDT]}}}}
private_networks: [127.0.0.0/8]
channels:
  - {{slug: ops, kind: telegram, chat_id: "123", events: ["*"], level: warning}}
"""


def apply(text: str, *, dry_run: bool = False, folder: Path | None = None) -> Report:
    return apply_text(text, name="portal.yaml", dry_run=dry_run, now=NOW, folder=folder)


def lines(text: str, *, dry_run: bool = False) -> list[str]:
    return apply(text, dry_run=dry_run).lines()


def faults(text: str, *, folder: Path | None = None) -> list[str]:
    """What is wrong with the text, as a person sees it."""
    with pytest.raises(ConfigurationFileError) as caught:
        apply(text, folder=folder)
    return [str(error) for error in caught.value.errors]
