"""The venue of a run and its ledger: the OKX-speaking one as a process of its own, or the paper one in the database."""

from __future__ import annotations

import json
import secrets
import uuid
from collections import Counter, defaultdict
from decimal import Decimal
from typing import Any

from benchmarks import databases
from benchmarks.faults.execution.compare import Accepted, Ledger, held
from benchmarks.faults.execution.plan import Plan, configuration, markets
from benchmarks.processes import MANAGE, Processes, environment, free_ports
from tests.fakes.venue import RunningVenue

FUNDS = "1000000000000"
SETTINGS = "tests.fakes.no_expiry"  # the portal's, and a broker with Binance's manners


def place(processes: Processes, plan: Plan) -> Venue | Paper:
    if plan.broker == "paper":
        return Paper(configuration(plan))
    return Venue(processes, plan)


class Venue:
    """`with Venue(…) as venue:` — running, with funds; its faults are the plan's from then on."""

    def __init__(self, processes: Processes, plan: Plan) -> None:
        self._processes, self._plan = processes, plan
        self._keys = {
            slug: {
                "api_key": str(uuid.uuid4()),
                "secret": secrets.token_hex(16).upper(),
                "passphrase": secrets.token_urlsafe(12),
            }
            for slug in markets(plan)
        }
        (port,) = free_ports(1)
        self._port = port
        self.url = f"http://127.0.0.1:{port}"
        self.control = RunningVenue(self.url, list(self._keys.values()))

    @property
    def configuration(self) -> str:
        names = {slug: {part: _variable(slug, part) for part in key} for slug, key in self._keys.items()}
        return configuration(self._plan, venue=self.url, credentials=names)

    @property
    def variables(self) -> dict[str, str]:
        """What the portal's environment needs of it."""
        found = {_variable(slug, part): value for slug, key in self._keys.items() for part, value in key.items()}
        return {**found, "DJANGO_SETTINGS_MODULE": SETTINGS} if self._plan.binance else found

    def __enter__(self) -> Venue:
        folder = self._processes.log("venue").parent
        file = folder / "venue-credentials.json"
        file.touch(mode=0o600)
        file.write_text(json.dumps(list(self._keys.values())))
        arguments = ["--port", str(self._port), "--credentials", str(file)]
        arguments += ["--quiet", "--instruments", str(self._plan.symbols), "--seed", str(self._plan.seed)]
        env = environment(TRADEOPS_DATA_DIR=str(folder / "venue"), DJANGO_SETTINGS_MODULE="tradeops.settings")
        self._processes.start("venue", [*MANAGE, "demo_venue", *arguments], env)
        self._processes.wait_for("venue", self._port, "/api/v5/public/time")
        for slug in markets(self._plan):
            self.control.deposit("USDT", FUNDS, account=slug)
        faults = self._plan.faults
        self.control.faults.set(
            accept_then_timeout=faults.accept_then_timeout,
            error_after_accept=faults.error_after_accept,
            late_seconds=faults.late_seconds,
            reuse_ids=self._plan.binance,
            ignore_expiry=self._plan.binance,
        )
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def faults(self) -> Counter[str]:
        """What befell requests, by kind."""
        return Counter(kind for one in self.control.ledger.requests for kind in one.get("faults", ()))

    def entries(self) -> list[dict[str, Any]]:
        return self.control.ledger.entries

    def ledger(self, _url: str = "") -> Ledger:
        entries = self.entries()
        filled: dict[str, Decimal] = defaultdict(Decimal)
        moved: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
        for trade in (entry for entry in entries if entry["what"] == "trade"):
            filled[trade["ordId"]] += Decimal(trade["quantity"])
            moved[trade["account"], _symbol(trade["instId"])] += _moved(trade)
        orders = [
            Accepted(one["account"], one["clOrdId"], _symbol(one["instId"]), one["side"], filled[one["ordId"]])
            for one in entries
            if one["what"] == "order"
        ]
        refusals = Counter(one["code"] for one in entries if one["what"] == "refused")
        return Ledger(orders, self._held(moved), refusals)

    def _held(self, moved: dict[tuple[str, str], Decimal]) -> dict[tuple[str, str], Decimal]:
        """The venue's own positions and balances, not the sum of its trades; that of an empty place is zero."""
        found = dict.fromkeys(moved, Decimal(0))
        for position in self.control.ledger.positions:
            found[position["account"], _symbol(position["instId"])] = Decimal(position["quantity"])
        balances = self.control.ledger.balances
        for account, market in markets(self._plan).items():
            if market == "spot":
                for currency in self._plan.tickers():
                    key = (account, f"{currency}/USDT")
                    if key in found:
                        found[key] = Decimal(balances[account].get(currency, "0"))
        return found


def _moved(trade: dict[str, Any]) -> Decimal:
    quantity = Decimal(trade["quantity"])
    return quantity if trade["side"] == "buy" else -quantity


def _symbol(inst_id: str) -> str:
    """F01-USDT → F01/USDT, F01-USDT-SWAP → F01/USDT:USDT."""
    base, quote, *rest = inst_id.split("-")
    return f"{base}/{quote}:{quote}" if rest else f"{base}/{quote}"


def _variable(slug: str, part: str) -> str:
    return f"BENCH_{slug}_{part}".upper().replace("-", "_")


class Paper:
    """Its ledger is rows of ours, so it proves less: a run of the harness itself."""

    def __init__(self, configuration: str) -> None:
        self.configuration = configuration
        self.variables: dict[str, str] = {}

    def __enter__(self) -> Paper:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def faults(self) -> Counter[str]:
        return Counter()

    def ledger(self, url: str) -> Ledger:
        rows = databases.read(
            url,
            "SELECT a.slug, p.client_order_id, p.symbol, p.side, p.quantity FROM signals_paperorder p"
            " JOIN accounts_account a ON a.id = p.account_id WHERE p.status = 'FILLED'",
        )
        orders = [Accepted(*row[:4], Decimal(str(row[4]))) for row in rows]
        moved = ((one.account, one.symbol, one.filled if one.side == "buy" else -one.filled) for one in orders)
        return Ledger(orders=orders, held=held(moved))
