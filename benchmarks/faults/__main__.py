"""`python -m benchmarks.faults`: the proofs at full size, some five minutes; exit code 1 when one fails."""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from benchmarks import report
from benchmarks.faults import hostile, identical, outage
from benchmarks.processes import ROOT, Failed
from tests.payloads.hostile import HOSTILE

Proof = Callable[[Path, bool], tuple[list[str], bool]]


def _identical(folder: Path, quick: bool) -> tuple[list[str], bool]:
    result = identical.measure(folder, signals=500 if quick else 10_000)
    return identical.lines(result), identical.holds(result)


def _outage(folder: Path, quick: bool) -> tuple[list[str], bool]:
    plan = outage.Plan(calm=3, outage=2, resend=1.5) if quick else outage.Plan()
    result = outage.measure(folder, plan)
    return outage.lines(result, plan), not result.lost and not result.doubled


def _hostile(folder: Path, quick: bool) -> tuple[list[str], bool]:
    bodies = [body for body, _ in HOSTILE.values()]
    result = hostile.measure(folder, hostile.Plan(bodies, seconds=4 if quick else 20))
    return hostile.lines(result), not result.errors() and result.growth < hostile.GROWTH_MARK


PROOFS: dict[str, Proof] = {"identical": _identical, "outage": _outage, "hostile": _hostile}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.faults", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="in small, as in the suite")
    parser.add_argument("--only", choices=tuple(PROOFS), action="append", help="may be given several times")
    options = parser.parse_args()
    (ROOT / "var").mkdir(exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="faults-", dir=ROOT / "var"))
    well = True
    try:
        print(report.machine(folder), flush=True)
        for name in options.only or PROOFS:
            room = folder / name
            room.mkdir()
            lines, holds = PROOFS[name](room, options.quick)
            well = well and holds
            print("\n" + "\n".join(lines) + ("" if holds else "\n**FAILED**"), flush=True)
    except Failed as error:
        print(f"faults: {error}", file=sys.stderr)
        return 1
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return 0 if well else 1


if __name__ == "__main__":
    sys.exit(main())
