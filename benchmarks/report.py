"""The table, for a terminal and for docs/performance.md."""

from __future__ import annotations

import os
import platform
import time
from datetime import UTC, datetime
from pathlib import Path

from benchmarks import databases, intake, latency
from benchmarks.figures import median, percentile

MARKS = {"ratio": 0.5, "fill": 80.0, "delivered": 80.0}
BEGIN, END = "<!-- benchmarks: begin -->", "<!-- benchmarks: end -->"


def machine(folder: Path) -> str:
    """What the figures depend on. The fsync is of the disk that the databases were on."""
    processor = platform.processor() or platform.machine()
    for line in _cpuinfo():
        if line.startswith("model name"):
            processor = line.partition(":")[2].strip()
            break
    redis = "Redis" if os.environ.get("REDIS_URL") else "no Redis"
    return (
        f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC · {os.cpu_count()} × {processor} · {platform.system()} · "
        f"Python {platform.python_version()} · {databases.version()} · {redis} · fsync {fsync_ms(folder):.2f} ms"
    )


def _cpuinfo() -> list[str]:
    path = Path("/proc/cpuinfo")
    return path.read_text().splitlines() if path.exists() else []


def fsync_ms(folder: Path) -> float:
    """Median of 50 appends of 4 KiB."""
    times = []
    with (folder / "fsync").open("wb", buffering=0) as file:
        for _ in range(50):
            started = time.perf_counter()
            file.write(b"x" * 4096)
            os.fsync(file.fileno())
            times.append((time.perf_counter() - started) * 1000)
    return median(times)


def intake_lines(result: intake.Result) -> list[str]:
    processes, threads = result.best
    best = f"{processes} process{'es' * (processes > 1)} × {threads} thread{'s' * (threads > 1)}"
    others = ", ".join(f"{p} × {t}: {rate:,.0f}" for (p, t), rate in result.shapes.items())
    return [
        "| intake, 32 connections | requests/s (median; range) | p50 | p99 |",
        "|---|---|---|---|",
        _rounds(f"baseline, {best}", result.baseline),
        _rounds("ours, every layer, committed before the answer", result.ours),
        "",
        f"**ours ÷ baseline: {result.ratio:.2f}** (mark: ≥ {MARKS['ratio']}). Median of {len(result.ours)} interleaved "
        f"pairs. Every acknowledged message was found committed ({result.rows:,} rows).",
        f"Baseline by processes × threads: {others}.",
    ]


def _rounds(name: str, rounds: list[intake.Round]) -> str:
    rates = [one.rate for one in rounds]
    spread = f"{median(rates):,.0f}; {min(rates):,.0f}–{max(rates):,.0f}"
    p50, p99 = median([one.p50 for one in rounds]), median([one.p99 for one in rounds])
    return f"| {name} | {spread} | {p50:.1f} ms | {p99:.1f} ms |"


def latency_lines(result: latency.Result) -> list[str]:
    rows = {
        "sent → acknowledged": result.acknowledged,
        f"received → filled (mark: p50 ≤ {MARKS['fill']:.0f})": result.stored_fill,
        f"received → delivered (mark: p50 ≤ {MARKS['delivered']:.0f})": result.stored_delivery,
        "acknowledged → at the receiver, by its clock": result.received,
    }
    lines = [
        f"| whole portal, {latency.RATE} signals/s, {result.signals} signals, 2 accounts, 2 receivers (ms) "
        "| p50 | p95 | p99 | samples |",
        "|---|---|---|---|---|",
    ]
    for name, values in rows.items():
        figures = " | ".join(f"{percentile(values, p):.0f}" for p in (50, 95, 99))
        lines.append(f"| {name} | {figures} | {len(values)} |")
    return [*lines, "", "*received* is the stored arrival, before the acknowledgement; *filled* is when it was booked."]


def write(path: Path, lines: list[str]) -> None:
    """Puts the run between the two marks of the page, or at the end of a page without them."""
    text = path.read_text() if path.exists() else f"# Performance\n\n{BEGIN}\n{END}\n"
    if BEGIN not in text:
        text = f"{text.rstrip()}\n\n{BEGIN}\n{END}\n"
    head, _, rest = text.partition(BEGIN)
    tail = rest.partition(END)[2]
    path.write_text("\n".join([head + BEGIN, *lines, END + tail]))
