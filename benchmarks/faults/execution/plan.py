"""What is run: how many signals on which accounts of which venue, and the portal's configuration for it."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

QUANTITY = "0.01"
PRICE = "50000"
EVERY_CLOSE = 5  # each fifth signal of a symbol closes what is held


@dataclass(frozen=True)
class Faults:
    """Shares of orders; seconds after which an order is first shown, at most."""

    accept_then_timeout: float = 0.05
    error_after_accept: float = 0.02
    late_seconds: float = 3.0


@dataclass(frozen=True)
class Plan:
    """`broker`: okx (expiry honoured, ids refused twice), okx-reuses (Binance's manners: no expiry, filled ids taken
    again), or paper. `ahead` is how many orders may be under way before senders wait."""

    signals: int = 10_000
    broker: str = "okx"
    symbols: int = 80
    faults: Faults = field(default_factory=Faults)
    kill_seconds: float = 10.0
    ahead: int = 800
    seed: int = 1
    accounts: int = 4
    settle_seconds: float = 240.0

    @property
    def binance(self) -> bool:
        return self.broker == "okx-reuses"

    @property
    def name(self) -> str:
        return {"okx": "OKX mode", "okx-reuses": "Binance mode", "paper": "paper"}[self.broker]

    def tickers(self) -> list[str]:
        return [f"F{number:02d}" for number in range(1, self.symbols + 1)]

    def message(self, token: str, number: int) -> dict[str, Any]:
        ticker = self.tickers()[number % self.symbols]
        closes = number // self.symbols % EVERY_CLOSE == EVERY_CLOSE - 1
        return {
            "token": token,
            "id": f"fault-{number}",
            "symbol": f"{ticker}USDT",
            "action": "close" if closes else "buy",
            "price": PRICE,
        }


def markets(plan: Plan) -> dict[str, str]:
    """Account → market: half of them spot, where fees are taken in the base currency, half swap."""
    spot_only = plan.broker == "paper"
    return {
        f"account-{number}": "spot" if spot_only or number <= plan.accounts // 2 else "swap"
        for number in range(1, plan.accounts + 1)
    }


def configuration(plan: Plan, *, venue: str = "", credentials: dict[str, dict[str, str]] | None = None) -> str:
    """YAML (as JSON, which it contains). `credentials` are names of environment variables by account."""
    accounts = []
    for slug, market in markets(plan).items():
        account: dict[str, Any] = {"slug": slug, "broker": plan.broker, "market": market, "prices": "message"}
        if plan.broker == "paper":
            account["balances"] = {"USDT": "1000000000000"}
        else:
            given = (credentials or {})[slug]
            account.update(
                sandbox=True, base_url=venue, credentials={name: {"env": value} for name, value in given.items()}
            )
        accounts.append(account)
    return json.dumps(
        {
            "sources": [
                {"slug": "quant", "auth": "token", "secret": {"env": "BENCH_TOKEN"}, "allowed_ips": [], "rate_limit": 0}
            ],
            "accounts": accounts,
            "strategies": [_strategy(plan, market) for market in dict.fromkeys(markets(plan).values())],
            "private_networks": ["127.0.0.0/8"],
        },
        indent=1,
    )


def _strategy(plan: Plan, market: str) -> dict[str, Any]:
    settle = ":USDT" if market == "swap" else ""
    return {
        "slug": f"steady-{market}",
        "sources": ["quant"],
        "mode": "live",
        "symbols": {f"{ticker}USDT": f"{ticker}/USDT{settle}" for ticker in plan.tickers()},
        "sizing": {"mode": "fixed_quantity", "value": QUANTITY},
        # A slow machine is not the point here.
        "max_age_seconds": 3600,
        "exit_max_age_seconds": 3600,
        "max_price_age_seconds": 3600,
        "pyramiding": 1000,
        "accounts": [slug for slug, theirs in markets(plan).items() if theirs == market],
    }
