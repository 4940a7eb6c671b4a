"""What the cases share: a venue as a process of its own, a whole portal, and alerts that make an order per account."""

from __future__ import annotations

import json
import secrets
import time
import uuid
from pathlib import Path
from typing import Any

from benchmarks import databases, targets
from benchmarks.processes import MANAGE, Failed, Processes, environment, free_ports, get

ACCOUNTS = 4
SYMBOLS = ["BTC", "ETH"]
MAX_AGE = 900


def alerts(symbols: list[str] | None = None) -> list[dict[str, str]]:
    """Each symbol bought and closed in turn: every alert makes one order on each account."""
    return [
        {"symbol": f"{symbol}USDT", "action": action, "price": "50000" if symbol == "BTC" else "3000", "comment": "{n}"}
        for action in ("buy", "close")
        for symbol in symbols or SYMBOLS
    ]


class Venue:
    """`manage.py demo_venue` on a free port; its ledger has what it received, by its own clock."""

    def __init__(self, processes: Processes, folder: Path, *, accounts: int, slow_ms: int = 0) -> None:
        (self.port,) = free_ports(1)
        self.url = f"http://127.0.0.1:{self.port}"
        self.credentials = [
            {"api_key": str(uuid.uuid4()), "secret": secrets.token_hex(16), "passphrase": secrets.token_urlsafe(12)}
            for _ in range(accounts)
        ]
        keys = folder / "venue-keys.json"
        keys.write_text(json.dumps(self.credentials))
        command = [*MANAGE, "demo_venue", "--port", str(self.port), "--credentials", str(keys), "--quiet"]
        command += ["--balance", "USDT=1000000000", "--slow-ms", str(slow_ms)]
        data = folder / "venue-data"
        data.mkdir(exist_ok=True)
        env = environment(TRADEOPS_DATA_DIR=str(data), DJANGO_SETTINGS_MODULE="tradeops.settings")
        processes.start("venue", command, env)
        processes.wait_for("venue", self.port, "/_venue/requests")

    def orders(self) -> list[dict[str, Any]]:
        status, body = get(self.port, "/_venue/ledger")
        if status != 200:
            raise Failed(f"the venue answered {status}")
        return [entry for entry in json.loads(body)["entries"] if entry["what"] == "order"]


def paper(count: int) -> tuple[str, dict[str, str]]:
    """Lines of `accounts:` and the variables that they name."""
    line = (
        "  - {{slug: account-{n}, broker: paper, market: spot, balances: {{USDT: '100000000'}}, fee_bps: '10',"
        " prices: message}}"
    )
    return "\n".join(line.format(n=number) for number in range(1, count + 1)), {}


def at_venue(venue: Venue) -> tuple[str, dict[str, str]]:
    lines, variables = [], {}
    for number, plain in enumerate(venue.credentials, start=1):
        names = {name: f"BENCH_{name.upper()}_{number}" for name in plain}
        variables |= {names[name]: value for name, value in plain.items()}
        given = ", ".join(f"{name}: {{env: {variable}}}" for name, variable in names.items())
        lines.append(
            f"  - {{slug: account-{number}, broker: okx, market: swap, sandbox: true, base_url: '{venue.url}',"
            f" prices: message, credentials: {{{given}}}}}"
        )
    return "\n".join(lines), variables


def configuration(accounts: str, *, count: int, market: str, symbols: list[str]) -> str:
    suffix = ":USDT" if market == "swap" else ""
    mapped = ", ".join(f"{symbol}USDT: '{symbol}/USDT{suffix}'" for symbol in symbols)
    names = ", ".join(f"account-{number}" for number in range(1, count + 1))
    return f"""
sources:
  - {{slug: tv, auth: token, secret: {{env: BENCH_TOKEN}}, allowed_ips: [127.0.0.0/8], rate_limit: 0}}
accounts:
{accounts}
strategies:
  - slug: trend
    sources: [tv]
    mode: live
    symbols: {{{mapped}}}
    sizing: {{mode: fixed_quantity, value: "0.01"}}
    max_age_seconds: {MAX_AGE}
    accounts: [{names}]
private_networks: [127.0.0.0/8]
"""


def portal(
    processes: Processes,
    folder: Path,
    url: str,
    accounts: tuple[str, dict[str, str]],
    *,
    count: int = ACCOUNTS,
    market: str = "spot",
    symbols: list[str] | None = None,
) -> targets.Portal:
    lines, variables = accounts
    text = configuration(lines, count=count, market=market, symbols=symbols or SYMBOLS)
    data = folder / "data"
    settings = {"TRADEOPS_DEMO": "0", "DJANGO_SETTINGS_MODULE": "tradeops.settings", "DATABASE_URL": url}
    # Makes the key pair that credentials are sealed with.
    processes.run("portal-setup", [*MANAGE, "bootstrap"], environment(TRADEOPS_DATA_DIR=str(data), **settings))
    return targets.set_up_portal(processes, data, url, text, **variables)


def whole_rounds(target: targets.Target, *, rate: float, seconds: float) -> float:
    """About so many seconds at that rate: a position that is bought is closed in the same load, so that the next, which
    starts with the first body again, finds none."""
    rounds = max(1, round(rate * seconds / len(target.bodies)))
    return (rounds * len(target.bodies) + 0.5) / rate


def settled(url: str, orders: int, *, seconds: float) -> None:
    """Waits until that many orders are filled, and none is anything else. Raises Failed."""
    deadline = time.monotonic() + seconds
    while True:
        states = dict(databases.read(url, "SELECT status, count(*) FROM signals_order GROUP BY status"))
        if states == {"FILLED": orders}:
            return
        if time.monotonic() > deadline:
            raise Failed(f"{orders} orders should be filled; there are {states}")
        time.sleep(0.1)
