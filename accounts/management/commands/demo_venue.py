from __future__ import annotations

import argparse
import asyncio
import signal
from pathlib import Path
from typing import Any

import uvloop
from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.demo import setup
from accounts.demo.books import Books
from accounts.demo.faults import KINDS
from accounts.demo.server import HOST, serve
from accounts.demo.venue import Venue
from tradeops.core.money import exact

CHANCES = tuple(kind for kind in KINDS if kind not in ("answer", "slow", "late", "reject"))
YAML = """  - slug: {slug}
    broker: okx
    market: {market}
    sandbox: true
    base_url: {url}
    prices: venue
    credentials: {{api_key: "{api_key}", secret: "{secret}", passphrase: "{passphrase}"}}"""


class Command(BaseCommand):
    help = (
        "Runs a stand-in for OKX on loopback: its API (v5), its checks, books of its own, faults on demand. For hand"
        " tests; everything is forgotten when it ends. Prints its address, its accounts' keys and what to put under"
        " `accounts:` in a configuration file. Example: manage.py demo_venue --port 9555 --accounts 2"
        " --accept-then-timeout 0.05 --late-seconds 3 --ledger venue.jsonl"
    )
    epilog = (
        "While it runs: GET /_venue/ledger (what happened, positions, balances), GET /_venue/requests, and with a JSON"
        ' object POST /_venue/price {"inst_id": "BTC-USDT", "last": "51000"}, /_venue/faults {"late_seconds": 3},'
        ' /_venue/script {"kind": "answer", "code": "50011"}, /_venue/trade, /_venue/fill, /_venue/cancel,'
        " /_venue/liquidate, /_venue/fund, /_venue/deposit, /_venue/change, /_venue/clock, /_venue/clear."
    )
    requires_system_checks = []

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        return super().create_parser(prog_name, subcommand, epilog=self.epilog, **kwargs)

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--port", type=int, default=9555, help="0 takes a free one; default 9555")
        parser.add_argument("--accounts", type=int, default=1, help="how many, each with a key and books of its own")
        parser.add_argument("--credentials", type=Path, help="JSON list of api_key, secret, passphrase; else made anew")
        parser.add_argument("--market", choices=("spot", "swap"), default="swap", help="for the printed snippet")
        parser.add_argument("--hedge", action="store_true", help="accounts hold long and short side by side")
        parser.add_argument(
            "--balance", type=_balance, action="append", metavar="USDT=1000000", help="instead of the usual"
        )
        parser.add_argument("--instruments", type=int, default=0, help="so many more pairs F01, F02 …, spot and swap")
        parser.add_argument("--ledger", type=Path, help="also append what happens to this file, a JSON line each")
        parser.add_argument("--seed", type=int, default=0, help="of the probabilities")
        parser.add_argument("--late-seconds", type=float, default=0, help="orders and trades show up to so much later")
        parser.add_argument("--slow-ms", type=int, default=0, help="every request takes so much longer")
        parser.add_argument(
            "--partial-seconds", type=float, default=0, help="market orders fill in halves, so far apart"
        )
        parser.add_argument("--rest", action="store_true", help="orders rest until told (/_venue/fill)")
        parser.add_argument("--reuse-ids", action="store_true", help="a client order id is free again once filled")
        parser.add_argument("--ignore-expiry", action="store_true", help="expTime means nothing")
        parser.add_argument("--binance", action="store_true", help="both: --reuse-ids --ignore-expiry")
        parser.add_argument("--enforce-limits", action="store_true", help="60 orders in 2 s per instrument, then 50011")
        parser.add_argument("--quiet", action="store_true", help="no line per request")
        for kind in CHANCES:
            flag = f"--{kind.replace('_', '-')}"
            if kind != "rest":
                parser.add_argument(flag, type=_chance, default=0.0, metavar="0.05", help="probability for each order")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            accounts = _accounts(options)
            venue = Venue(
                accounts,
                seed=options["seed"],
                extra_instruments=options["instruments"],
                ledger_file=options["ledger"],
            )
        except (OSError, ValueError, ArithmeticError) as error:
            raise CommandError(str(error)) from error
        venue.faults.change(
            **{kind: options[kind] for kind in CHANCES if kind != "rest" and options[kind]},
            **{
                name: options[name] for name in ("late_seconds", "slow_ms", "partial_seconds", "rest", "enforce_limits")
            },
            reuse_ids=options["reuse_ids"] or options["binance"],
            ignore_expiry=options["ignore_expiry"] or options["binance"],
        )

        async def main() -> None:
            stop = asyncio.Event()
            for number in (signal.SIGTERM, signal.SIGINT):
                asyncio.get_running_loop().add_signal_handler(number, stop.set)
            write = (lambda text: None) if options["quiet"] else self._line
            await serve(
                venue,
                port=options["port"],
                write=write,
                ready=lambda port: self._announce(port, accounts, options["market"]),
                stop=stop,
            )

        try:
            uvloop.run(main())
        except OSError as error:
            raise CommandError(f"the venue cannot listen: {error.strerror or error}. Give another --port.") from error

    def _announce(self, port: int, accounts: list[Books], market: str) -> None:
        url = f"http://{HOST}:{port}"
        self._line(f"URL {url}")
        self._line("accounts:")
        for books in accounts:
            slug = books.name.replace("account", "okx-demo")
            self._line(YAML.format(slug=slug, market=market, url=url, **setup.credentials(books)))

    def _line(self, text: str) -> None:
        self.stdout.write(text)
        self.stdout.flush()


def _chance(text: str) -> float:
    value = float(text)
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError("a probability between 0 and 1")
    return value


def _balance(text: str) -> tuple[str, str]:
    currency, found, amount = text.partition("=")
    try:
        exact(amount)
    except ValueError:
        found = ""
    if not found:
        raise argparse.ArgumentTypeError("write it as USDT=1000000")
    return currency, amount


def _accounts(options: dict[str, Any]) -> list[Books]:
    known = setup.read_credentials(options["credentials"]) if options["credentials"] else []
    balances = dict(options["balance"] or []) or None
    mode = "long_short_mode" if options["hedge"] else "net_mode"
    found = []
    for number in range(1, max(options["accounts"], len(known)) + 1):
        given = known[number - 1] if number <= len(known) else {}
        found.append(
            setup.account(
                number,
                balances=balances,
                position_mode=mode,
                key=given.get("api_key"),
                secret=given.get("secret"),
                passphrase=given.get("passphrase"),
            )
        )
    return found
