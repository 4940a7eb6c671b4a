"""`python -m benchmarks.faults`: the proofs at full size; exit code 1 when one fails. Those of intake take some five
minutes, those of execution up to an hour, the state machine of the exits one more."""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks import report
from benchmarks.faults import exits, hostile, identical, outage
from benchmarks.faults.execution import crashes, flattening, kill_switch, run, stops
from benchmarks.faults.execution.plan import Plan
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


def _stops(folder: Path, quick: bool) -> tuple[list[str], bool]:
    found = [_in(folder, plan, stops.measure) for plan in _both(0)]
    return [line for result in found for line in stops.lines(result)], not any(map(stops.problems, found))


def _crashes(folder: Path, quick: bool) -> tuple[list[str], bool]:
    found = [_in(folder, plan, crashes.measure, times=3 if quick else 20) for plan in _both(0)]
    return [line for result in found for line in crashes.lines(result)], all(result.holds for result in found)


def _orders(folder: Path, quick: bool) -> tuple[list[str], bool]:
    found = [_in(folder, plan, run.measure) for plan in _both(1_000 if quick else 10_000)]
    return [line for result in found for line in run.lines(result)], all(result.verdict.holds for result in found)


def _switch(folder: Path, quick: bool) -> tuple[list[str], bool]:
    result = _in(folder, Plan(symbols=20), kill_switch.measure)
    return kill_switch.lines(result), kill_switch.holds(result)


def _flatten(folder: Path, quick: bool) -> tuple[list[str], bool]:
    result = _in(folder, Plan(broker="paper", symbols=10), flattening.measure)
    return flattening.lines(result), flattening.holds(result)


def _exits(folder: Path, quick: bool) -> tuple[list[str], bool]:
    result = exits.measure(folder, runs=20 if quick else 2_000, steps=20 if quick else 50)
    return exits.lines(result), not result.failed


def _both(signals: int) -> list[Plan]:
    """A venue as OKX is, and one with Binance's manners."""
    return [Plan(signals=signals), Plan(signals=signals, broker="okx-reuses", seed=2)]


def _in(folder: Path, plan: Plan, measure: Callable[..., Any], **options: Any) -> Any:
    room = folder / plan.broker
    room.mkdir()
    with run.on_terminal() as say:
        return measure(room, plan, say=say, **options)


PROOFS: dict[str, Proof] = {
    "identical": _identical,
    "outage": _outage,
    "hostile": _hostile,
    "stops": _stops,
    "crashes": _crashes,
    "switch": _switch,
    "flatten": _flatten,
    "exits": _exits,
    "orders": _orders,
}


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
