"""From the acknowledgement to the fills and to the receivers, on the whole portal under its supervisor."""

from __future__ import annotations

import json
import os
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from string import Template
from typing import Any

from benchmarks import databases
from benchmarks.figures import percentile
from benchmarks.processes import MANAGE, PYTHON, ROOT, Failed, Processes, environment, free_ports, get

RATE = 20
WARM_SECONDS = 3
ACCOUNTS = RECEIVERS = 2
SETTLE_SECONDS = 20
MARKS = {"fill": 80.0, "delivered": 80.0}
# Two symbols in turn, each bought and closed in turn: every alert makes one order on each account.
ALERTS = [
    {"symbol": symbol, "action": action, "price": price, "comment": "{n}"}
    for action in ("buy", "close")
    for symbol, price in (("BTCUSDT", "65000"), ("ETHUSDT", "3200"))
]


@dataclass(frozen=True)
class Result:
    """Milliseconds. Stored times start at `received_at`, before the acknowledgement; the other pair is by the clocks
    of sender and receiver (one machine, one clock) and starts when the sender had the 201."""

    signals: int
    acknowledged: list[float]
    stored_fill: list[float]
    stored_delivery: list[float]
    received: list[float]


def measure(folder: Path, *, seconds: float, say: Callable[[str], None]) -> Result:
    """Raises Failed unless every signal was filled on both accounts and delivered to both receivers."""
    with databases.scratch(folder, "whole") as url, Processes(folder) as processes:
        web, *receivers, telegram = free_ports(RECEIVERS + 2)
        token = secrets.token_urlsafe(24)
        env = environment(
            TRADEOPS_DATA_DIR=str(folder / "whole"),
            DATABASE_URL=url,
            REDIS_URL=os.environ.get("REDIS_URL", ""),
            PORT=str(web),
            TRADEOPS_DEMO="0",
            TELEGRAM_API_URL=f"http://127.0.0.1:{telegram}",
            TELEGRAM_BOT_TOKEN=f"1:{secrets.token_hex(20)}",
            DJANGO_SETTINGS_MODULE="tradeops.settings",
            BENCH_TOKEN=token,
            **{f"DEMO_VPS_{number}_SECRET": secrets.token_urlsafe(24) for number in range(1, RECEIVERS + 1)},
        )
        _set_up(processes, folder, env, receivers)
        ports = ",".join(map(str, receivers))
        processes.start("receivers", [*MANAGE, "demo_vps", "--ports", ports, "--telegram-port", str(telegram)], env)
        processes.wait_for("receivers", telegram, "/health")
        processes.start("portal", [*MANAGE, "portal"], env)
        processes.wait_for("portal", web, "/health/ready", seconds=60)
        job = {
            "kind": "open",
            "port": web,
            "path": "/webhook/tradingview",
            "bodies": [json.dumps({"token": token, **alert}) for alert in ALERTS],
            "connections": 16,
            "rate": RATE,
        }
        _accepted(processes.load({**job, "seconds": WARM_SECONDS}))
        say(f"latency: {RATE} signals/s for {seconds:.0f} s on the whole portal")
        sent = _accepted(processes.load({**job, "pairs": True, "seconds": seconds}))
        arrivals = _arrivals(receivers, {one["signal"] for one in sent})
        stored = _stored(processes, env, sent)
    return _result(sent, stored, arrivals)


def _accepted(result: dict[str, Any]) -> list[dict[str, Any]]:
    if set(result["answers"]) != {201} or result["broken"] or result["unanswered"]:
        raise Failed(f"not every message was accepted: answers by status {result['answers']}")
    return list(result.get("sent", ()))


def _set_up(processes: Processes, folder: Path, env: dict[str, str], receivers: list[int]) -> None:
    template = Template((ROOT / "benchmarks" / "latency.yaml").read_text())
    applied = folder / "latency.yaml"
    applied.write_text(template.substitute(port_1=receivers[0], port_2=receivers[1]))
    processes.run("portal-setup", [*MANAGE, "migrate", "-v0"], env)
    processes.run("portal-setup", [*MANAGE, "apply_config", str(applied)], env)


def _arrivals(ports: list[int], wanted: set[str]) -> dict[str, list[float]]:
    """When each receiver had each signal, by its own clock. Waits until all are there. Raises Failed."""
    deadline = time.monotonic() + SETTLE_SECONDS
    while True:
        found: dict[str, list[float]] = {signal: [] for signal in wanted}
        for port in ports:
            for row in json.loads(get(port, "/received")[1])["received"]:
                if row["message"]["id"] in found and row["status"] == "accepted":
                    found[row["message"]["id"]].append(datetime.fromisoformat(row["at"]).timestamp())
        missing = [signal for signal, times in found.items() if len(times) != len(ports)]
        if not missing:
            return found
        if time.monotonic() > deadline:
            raise Failed(f"{len(missing)} of {len(wanted)} signals did not reach both receivers")
        time.sleep(0.5)


def _stored(processes: Processes, env: dict[str, str], sent: list[dict[str, Any]]) -> dict[str, Any]:
    deadline = time.monotonic() + SETTLE_SECONDS
    while True:
        stored = json.loads(processes.run("stored", [PYTHON, "-m", "benchmarks.stored"], env))
        rows = [stored[one["signal"]] for one in sent]
        short = [row for row in rows if len(row["filled_at"]) != ACCOUNTS or len(row["delivered_at"]) != RECEIVERS]
        if not short:
            return dict(stored)
        if time.monotonic() > deadline:
            raise Failed(f"{len(short)} of {len(sent)} signals lack a fill or a delivery, such as {short[0]}")
        time.sleep(0.5)


def _result(sent: list[dict[str, Any]], stored: dict[str, Any], arrivals: dict[str, list[float]]) -> Result:
    def since(name: str) -> list[float]:
        rows = [stored[one["signal"]] for one in sent]
        return [(at - row["received_at"]) * 1000 for row in rows for at in row[name]]

    return Result(
        signals=len(sent),
        acknowledged=[(one["acked_at"] - one["sent_at"]) * 1000 for one in sent],
        stored_fill=since("filled_at"),
        stored_delivery=since("delivered_at"),
        received=[(at - one["acked_at"]) * 1000 for one in sent for at in arrivals[one["signal"]]],
    )


def lines(result: Result) -> list[str]:
    rows = {
        "sent → acknowledged": result.acknowledged,
        f"received → filled (mark: p50 ≤ {MARKS['fill']:.0f})": result.stored_fill,
        f"received → delivered (mark: p50 ≤ {MARKS['delivered']:.0f})": result.stored_delivery,
        "acknowledged → at the receiver, by its clock": result.received,
    }
    found = [
        f"| whole portal, {RATE} signals/s, {result.signals} signals, 2 accounts, 2 receivers (ms) "
        "| p50 | p95 | p99 | samples |",
        "|---|---|---|---|---|",
    ]
    for name, values in rows.items():
        figures = " | ".join(f"{percentile(values, p):.0f}" for p in (50, 95, 99))
        found.append(f"| {name} | {figures} | {len(values)} |")
    return [*found, "", "*received* is the stored arrival, before the acknowledgement; *filled* is when it was booked."]
