"""`python -m benchmarks`: some minutes; prints tables, and writes them only where told to."""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

from benchmarks import latency, report
from benchmarks.intake import closed
from benchmarks.processes import ROOT, Failed
from benchmarks.relay import throughput

PARTS = {
    "intake": "baseline, peer and ours in turn, 32 connections",
    "relay": "peer and ours in turn, 3 endpoints",
    "latency": "the whole portal with accounts, receivers and notifications",
}


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="short rounds: to see that it works, not to quote")
    parser.add_argument("--only", choices=tuple(PARTS), action="append", help="these parts; may be given several times")
    parser.add_argument(
        "--write", type=Path, metavar="FILE", help="put the tables into this page (docs/performance.md)"
    )
    parser.add_argument("--keep", action="store_true", help="keep the databases and logs")
    options = parser.parse_args()
    # On the disk of the portal's own data: a folder in memory would make every commit free.
    (ROOT / "var").mkdir(exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="bench-", dir=ROOT / "var"))
    try:
        lines = _measure(folder, quick=options.quick, parts=options.only or list(PARTS))
    except Failed as error:
        print(f"benchmarks: {error}", file=sys.stderr)
        return 1
    finally:
        if options.keep:
            _say(f"kept: {folder}")
        else:
            shutil.rmtree(folder, ignore_errors=True)
    print("\n".join(lines))
    if options.write:
        report.write(options.write, lines)
    return 0


def _measure(folder: Path, *, quick: bool, parts: list[str]) -> list[str]:
    lines = [report.machine(folder)]
    if "intake" in parts:
        seconds, rounds = (1.5, 2) if quick else (4.0, 6)
        lines += ["", *closed.lines(closed.measure(folder, seconds=seconds, rounds=rounds, say=_say))]
    if "relay" in parts:
        signals, rounds = (1000, 1) if quick else (5000, 3)
        lines += ["", *throughput.lines(throughput.measure(folder, signals=signals, rounds=rounds, say=_say))]
    if "latency" in parts:
        seconds = 5.0 if quick else 20.0
        lines += ["", *latency.lines(latency.measure(folder, seconds=seconds, say=_say))]
    return lines


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
