"""What every table has: the machine, and its place in docs/performance.md."""

from __future__ import annotations

import os
import platform
import time
from datetime import UTC, datetime
from pathlib import Path

from benchmarks import databases
from benchmarks.figures import median

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


def write(path: Path, lines: list[str]) -> None:
    """Puts the run between the two marks of the page, or at the end of a page without them."""
    text = path.read_text() if path.exists() else f"# Performance\n\n{BEGIN}\n{END}\n"
    if BEGIN not in text:
        text = f"{text.rstrip()}\n\n{BEGIN}\n{END}\n"
    head, _, rest = text.partition(BEGIN)
    tail = rest.partition(END)[2]
    path.write_text("\n".join([head + BEGIN, *lines, END + tail]))
