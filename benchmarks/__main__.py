"""`python -m benchmarks`: some minutes; prints tables, and writes them only where told to."""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from benchmarks import latency, report
from benchmarks.decisions import cost
from benchmarks.execution import burst, eight, sustained
from benchmarks.execution import latency as execution
from benchmarks.intake import closed, crowd, growth, offered
from benchmarks.notify import latency as notify
from benchmarks.processes import ROOT, Failed
from benchmarks.relay import sick, stream, throughput

ONLY = "`intake`, `relay` and `execution` are several cases; may be given several times"


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="short rounds: to see that it works, not to quote")
    parser.add_argument("--only", choices=tuple(PARTS), action="append", help=ONLY)
    parser.add_argument(
        "--write", type=Path, metavar="FILE", help="put the tables into this page (docs/performance.md)"
    )
    parser.add_argument("--keep", action="store_true", help="keep the databases and logs")
    options = parser.parse_args()
    # On the disk of the portal's own data: a folder in memory would make every commit free.
    (ROOT / "var").mkdir(exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="bench-", dir=ROOT / "var"))
    try:
        cases = [case for part in options.only or ["intake", "relay", "latency", "execution"] for case in PARTS[part]]
        lines = _measure(folder, quick=options.quick, cases=list(dict.fromkeys(cases)))
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


def _measure(folder: Path, *, quick: bool, cases: list[str]) -> list[str]:
    lines = [report.machine(folder)]
    for name in cases:
        room = folder / name
        room.mkdir()
        lines += ["", *CASES[name](room, quick)]
    return lines


def _closed(folder: Path, quick: bool) -> list[str]:
    seconds, rounds = (1.5, 2) if quick else (4.0, 6)
    return closed.lines(closed.measure(folder, seconds=seconds, rounds=rounds, say=_say))


def _crowd(folder: Path, quick: bool) -> list[str]:
    return crowd.lines(crowd.measure(folder, seconds=5 if quick else 30, say=_say))


def _offered(folder: Path, quick: bool) -> list[str]:
    return offered.lines(offered.measure(folder, seconds=4 if quick else 20, say=_say))


def _growth(folder: Path, quick: bool) -> list[str]:
    stored, seconds, rounds = (100_000, 1.5, 2) if quick else (1_000_000, 4.0, 6)
    return growth.lines(growth.measure(folder, stored=stored, seconds=seconds, rounds=rounds, say=_say))


def _throughput(folder: Path, quick: bool) -> list[str]:
    signals, rounds = (1000, 1) if quick else (5000, 3)
    return throughput.lines(throughput.measure(folder, signals=signals, rounds=rounds, say=_say))


def _stream(folder: Path, quick: bool) -> list[str]:
    return stream.lines(stream.measure(folder, seconds=5 if quick else 30, say=_say))


def _sick(folder: Path, quick: bool) -> list[str]:
    return sick.lines(sick.measure(folder, seconds=5 if quick else 20, say=_say))


def _latency(folder: Path, quick: bool) -> list[str]:
    return latency.lines(latency.measure(folder, seconds=5 if quick else 20, say=_say))


def _execution(folder: Path, quick: bool) -> list[str]:
    return execution.lines(execution.measure(folder, seconds=5 if quick else 20, say=_say))


def _sustained(folder: Path, quick: bool) -> list[str]:
    return sustained.lines(sustained.measure(folder, seconds=6 if quick else 20, say=_say))


def _burst(folder: Path, quick: bool) -> list[str]:
    return burst.lines(burst.measure(folder))


def _notify(folder: Path, quick: bool) -> list[str]:
    seconds, pairs = (2.0, 3) if quick else (6.0, 12)
    return notify.lines(notify.measure(folder, seconds=seconds, pairs=pairs, say=_say))


def _decisions(folder: Path, quick: bool) -> list[str]:
    stored, rounds, repeats = (20_000, 2, 2) if quick else (1_000_000, 10, 7)
    return cost.lines(cost.measure(folder, stored=stored, rounds=rounds, repeats=repeats, say=_say))


def _eight(folder: Path, quick: bool) -> list[str]:
    return eight.lines(eight.measure(folder, signals=3 if quick else 10, say=_say))


CASES: dict[str, Callable[[Path, bool], list[str]]] = {
    "closed": _closed,
    "crowd": _crowd,
    "offered": _offered,
    "growth": _growth,
    "throughput": _throughput,
    "stream": _stream,
    "sick": _sick,
    "latency": _latency,
    "arrival": _execution,
    "sustained": _sustained,
    "burst": _burst,
    "eight": _eight,
    "notify": _notify,
    "decisions": _decisions,
}
PARTS = {
    "intake": ["closed", "crowd", "offered", "growth"],
    "relay": ["throughput", "stream", "sick"],
    "execution": ["arrival", "sustained", "burst", "eight"],
    **{case: [case] for case in CASES},
}


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
