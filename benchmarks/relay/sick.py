"""Five endpoints, one well and four sick: what the well one notices, and what becomes of every message."""

from __future__ import annotations

import json
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks import databases, targets
from benchmarks.figures import percentile
from benchmarks.processes import PYTHON, Failed, Processes
from benchmarks.relay.setting import ALERTS, Endpoints, portal
from benchmarks.relay.stream import pair

MANNERS = ("well", "error", "hang", "reset", "drip")
RATE = 20
CONNECTIONS = 64
# A signal's deadline: short, so that the fate of every message is known soon after the last one.
MAX_AGE_SECONDS = 20
PATIENCE_SECONDS = 90


@dataclass(frozen=True)
class Result:
    """`well` is acknowledged → received in ms; `fates` counts deliveries by endpoint and end; `tries` are messages
    that arrived at each sick receiver, repeats included."""

    signals: int
    well: list[float]
    fates: dict[str, dict[str, int]]
    tries: dict[str, int]
    problems: list[str]


def measure(folder: Path, *, seconds: float, say: Callable[[str], None]) -> Result:
    """Raises Failed when a message is refused by the intake or never comes to an end."""
    with databases.scratch(folder, "sick") as url, Processes(folder) as processes:
        endpoints = Endpoints(processes, *MANNERS)
        ours = portal(processes, folder, url, endpoints, max_age=MAX_AGE_SECONDS)
        target = targets.start_portal(processes, ours, *ALERTS)
        say(f"relay, four of five endpoints sick: {RATE} signals/s for {seconds:.0f} s")
        result = target.load(
            processes, kind="open", rate=RATE, connections=CONNECTIONS, seconds=seconds, pairs=True
        )  # fmt: skip
        target.flawless()
        _all_ended(url, len(MANNERS) * result["accepted"])
        arrivals = endpoints.ask("/arrivals")
        stored = json.loads(processes.run("fates", [PYTHON, "-m", "benchmarks.relay.fates"], ours.env))
    by_manner = {manner: arrivals[str(port)] for manner, port in zip(MANNERS, endpoints.ports, strict=True)}
    names = {f"vps-{number}": manner for number, manner in enumerate(MANNERS, 1)}
    fates: dict[str, dict[str, int]] = {manner: {} for manner in MANNERS}
    for row in stored:
        manner, end = names[row["endpoint"]], row["end"]
        fates[manner][end] = fates[manner].get(end, 0) + 1
    return Result(
        signals=result["accepted"],
        well=pair(result["sent"], {"well": by_manner["well"]}).after_ack,
        fates=fates,
        tries={manner: len(came) for manner, came in by_manner.items()},
        problems=problems(result["sent"], by_manner, [{**row, "endpoint": names[row["endpoint"]]} for row in stored]),
    )


def _all_ended(url: str, deliveries: int) -> None:
    """Waits until that many deliveries are delivered or dead. Raises Failed."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        ended = databases.count(url, "relay_delivery WHERE status IN ('DELIVERED', 'DEAD')")
        if ended >= deliveries:
            return
        if time.monotonic() > deadline:
            raise Failed(f"{ended} of {deliveries} deliveries have ended {PATIENCE_SECONDS} s after the last signal")
        time.sleep(0.5)


def problems(
    sent: list[dict[str, Any]], arrivals: dict[str, list[list[Any]]], stored: list[dict[str, str]]
) -> list[str]:
    """What must not be: a message without an end at an endpoint, dead without a reason, delivered without having
    arrived, or tried under two ids."""
    found = []
    ends = {(row["endpoint"], row["signal"]): row for row in stored}
    for manner, came in arrivals.items():
        ids = defaultdict(set)
        for _at, number, identity in came:
            ids[number].add(identity)
        for one in sent:
            row = ends.get((manner, one["signal"]))
            if row is None:
                found.append(f"{one['signal']} has no delivery to {manner}")
            elif row["end"] == "DEAD":
                found.append(f"{one['signal']} to {manner} is dead without a reason")
            elif row["end"] == "DELIVERED" and one["number"] not in ids:
                found.append(f"{one['signal']} is told delivered to {manner} and did not arrive")
            if ids.get(one["number"], {one["signal"]}) != {one["signal"]}:
                found.append(f"{one['signal']} came to {manner} under {sorted(ids[one['number']])}")
    return found


def lines(result: Result) -> list[str]:
    p50, p95, p99 = (f"{percentile(result.well, p):.0f}" for p in (50, 95, 99))
    found = [
        f"| relay, {RATE} signals/s to five endpoints, {result.signals:,} signals | messages that arrived | ends |",
        "|---|---|---|",
    ]
    for manner in MANNERS:
        ends = ", ".join(f"{end}: {count:,}" for end, count in sorted(result.fates[manner].items()))
        found.append(f"| {manner} | {result.tries[manner]:,} | {ends} |")
    found += [
        "",
        f"**The well one, acknowledged → received: p50 {p50}, p95 {p95}, p99 {p99} ms** (mark: p99 ≤ 500). "
        "Every message had an end at every endpoint, dead ones a reason, and the same id on each try"
        + (": yes." if not result.problems else f": NO, {len(result.problems)} not, such as {result.problems[0]}."),
    ]
    return found
