"""What orders notice of notifiers that fail: rounds with healthy ones and with sick ones in pairs, on one portal.

Each round is a few seconds of alerts; the two of a pair follow each other, in turns the healthy or the sick one first.
What counts is the difference within the pairs, so that a machine that grows slower or faster hides nothing. Between
rounds what was left to tell is dropped, and every channel is as new.
"""

from __future__ import annotations

import contextlib
import json
import sqlite3
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks import databases, targets
from benchmarks.execution.setting import Venue, alerts, at_venue, configuration, settled, whole_rounds
from benchmarks.figures import interval, median, percentile
from benchmarks.notify import service
from benchmarks.processes import MANAGE, PYTHON, Failed, Processes, environment, free_ports, get

RATE = 10
ACCOUNTS = 2
WARM_SECONDS = 3
MARK_MS = 10.0
SETTLE_SECONDS = 60
FAULTS = (*service.NAMES.values(), service.SLACK)


@dataclass(frozen=True)
class Round:
    """Milliseconds from the acknowledgement to the venue and to the booked fill, one an order."""

    arrived: list[float]
    filled: list[float]
    asked: dict[str, int]


@dataclass(frozen=True)
class Result:
    healthy: list[Round]
    sick: list[Round]


def measure(folder: Path, *, seconds: float, pairs: int, say: Callable[[str], None]) -> Result:
    """Raises Failed unless each signal made its orders, healthy channels were told, and each sick one was tried."""
    with databases.scratch(folder, "notify") as url, Processes(folder) as processes:
        (port,) = free_ports(1)
        processes.start("service", [PYTHON, "-m", "benchmarks.notify.service", str(port)], environment())
        processes.wait_for("service", port, "/counts")
        venue = Venue(processes, folder, accounts=ACCOUNTS)
        target = targets.start_portal(processes, _portal(processes, folder, url, venue, port), *alerts())
        bench = _Bench(processes, target, url, venue, port)
        bench.round(sick=False, seconds=WARM_SECONDS)
        bench.round(sick=True, seconds=WARM_SECONDS)
        found: dict[bool, list[Round]] = {False: [], True: []}
        for number in range(pairs):
            say(f"notify: pair {number + 1} of {pairs}, {seconds:g} s each at {RATE} signals/s on {ACCOUNTS} accounts")
            for sick in (False, True) if number % 2 == 0 else (True, False):
                found[sick].append(bench.round(sick=sick, seconds=seconds))
        return Result(found[False], found[True])


def _portal(processes: Processes, folder: Path, url: str, venue: Venue, port: int) -> targets.Portal:
    lines, variables = at_venue(venue)
    # One message a signal and channel, each by itself, so that somebody is being told all the time.
    what = 'events: ["order.filled"], accounts: [account-1], level: info, rate_cap: 0'
    channels = "".join(f'  - {{slug: t-{chat}, kind: telegram, chat_id: "{chat}", {what}}}\n' for chat in service.NAMES)
    text = configuration(lines, count=ACCOUNTS, market="swap", symbols=["BTC", "ETH"])
    text += f"channels:\n{channels}  - {{slug: slack, kind: slack, webhook_url: {{env: BENCH_SLACK}}, {what}}}\n"
    data = folder / "data"
    settings = {"TRADEOPS_DEMO": "0", "DJANGO_SETTINGS_MODULE": "tradeops.settings", "DATABASE_URL": url}
    processes.run("portal-setup", [*MANAGE, "bootstrap"], environment(TRADEOPS_DATA_DIR=str(data), **settings))
    given = {
        "BENCH_SLACK": f"http://127.0.0.1:{port}/slack",
        "TELEGRAM_API_URL": f"http://127.0.0.1:{port}",
        "TELEGRAM_BOT_TOKEN": f"1:{'a' * 35}",
    }
    return targets.set_up_portal(processes, data, url, text, **variables, **given)


class _Bench:
    def __init__(self, processes: Processes, target: targets.Target, url: str, venue: Venue, port: int) -> None:
        self._processes, self._target, self._url, self._venue, self._port = processes, target, url, venue, port

    def round(self, *, sick: bool, seconds: float) -> Round:
        self._switch("/sick" if sick else "/well")
        # One connection: a close never overtakes its buy.
        length = whole_rounds(self._target, rate=RATE, seconds=seconds)
        sent = self._target.load(
            self._processes, kind="open", rate=RATE, seconds=length, connections=1, pairs=True
        )["sent"]  # fmt: skip
        self._target.flawless()
        settled(self._url, self._target.acknowledged * ACCOUNTS, seconds=SETTLE_SECONDS)
        asked = self._asked(sick=sick)
        self._switch("/well")  # whoever waits is hung up on
        _as_new(self._url)
        return self._round({one["signal"]: one["acked_at"] for one in sent}, asked)

    def _round(self, acked: dict[str, float], asked: dict[str, int]) -> Round:
        rows = databases.read(
            self._url, "SELECT o.client_order_id, s.public_id, o.finished_at FROM signals_order o"
            " JOIN signals_signal s ON s.id = o.signal_id"
        )  # fmt: skip
        of_order = {order: signal for order, signal, _ in rows if signal in acked}
        arrived = [
            (entry["at"] - acked[of_order[entry["clOrdId"]]]) * 1000
            for entry in self._venue.orders()
            if entry["clOrdId"] in of_order
        ]
        filled = [(databases.moment(at) - acked[signal]) * 1000 for _, signal, at in rows if signal in acked]
        if not len(arrived) == len(filled) == len(acked) * ACCOUNTS:
            raise Failed(f"{len(acked)} signals made {len(arrived)} orders at the venue and {len(filled)} of ours")
        return Round(arrived, filled, asked)

    def _asked(self, *, sick: bool) -> dict[str, int]:
        """How often each was asked, once all were. A fault that nobody met would prove nothing. Raises Failed."""
        deadline = time.monotonic() + SETTLE_SECONDS
        while True:
            asked: dict[str, int] = json.loads(get(self._port, "/counts")[1])
            missing = [name for name in FAULTS if not asked.get(name)]
            if not missing:
                return asked
            if time.monotonic() > deadline:
                state = "sick" if sick else "well"
                raise Failed(f"with the services {state}, nobody asked for: {', '.join(missing)}")
            time.sleep(0.1)

    def _switch(self, path: str) -> None:
        if get(self._port, path)[0] != 200:
            raise Failed("the notified service does not answer")


_CALM = (
    "UPDATE relay_notification SET status = 'SENT', claim_token = '', lease_until = NULL WHERE status = 'PENDING'",
    "UPDATE relay_channelstate SET failures = 0, reason = '', rest_until = NULL, failing_since = NULL, told_at = NULL",
)


def _as_new(url: str) -> None:
    """Twice, a second apart: a try that was under way comes back in between."""
    for _ in range(2):
        time.sleep(1.0)
        _write(url, _CALM)


def _write(url: str, statements: Sequence[str]) -> None:
    if url.startswith("sqlite"):
        with contextlib.closing(sqlite3.connect(url.removeprefix("sqlite:///"), timeout=60)) as connection, connection:
            for statement in statements:
                connection.execute(statement)
        return
    import psycopg

    with psycopg.connect(url) as connection:
        for statement in statements:
            connection.execute(statement)  # type: ignore[arg-type]


def lines(result: Result) -> list[str]:
    asked = {name: sum(one.asked[name] for one in result.sick) for name in FAULTS}
    found = [
        f"| orders beside notifiers, {len(result.sick)} interleaved pairs of rounds, {RATE} signals/s, {ACCOUNTS} OKX "
        "accounts (ms) | healthy | sick | sick - healthy, 95 % interval |",
        "|---|---|---|---|",
    ]
    met = True
    for name in ("arrived", "filled"):
        for label, figure in (("p50", median), ("p95", lambda values: percentile(values, 95))):
            healthy, sick = ([figure(getattr(one, name)) for one in side] for side in (result.healthy, result.sick))
            low, high = interval([after - before for before, after in zip(healthy, sick, strict=True)])
            if label == "p50":
                met = met and high < MARK_MS
            what = "order received by the venue" if name == "arrived" else "fill booked"
            marked = f" (mark: below {MARK_MS:.0f})" if label == "p50" else ""
            found.append(
                f"| acknowledged → {what}, {label}{marked} | {median(healthy):.1f} | {median(sick):.1f} |"
                f" {low:+.1f} … {high:+.1f} |"
            )
    tried = ", ".join(f"{name} {count}" for name, count in asked.items())
    return [
        *found,
        "",
        f"The mark is {'met' if met else 'missed'}. All faults at once in every sick round; they met {tried} tries.",
    ]
