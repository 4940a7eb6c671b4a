"""What follows the portal: events by their ids, results by their runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial

from .errors import BadAnswer, NotFound
from .patience import Pause, until_answered
from .shapes import Event, Run
from .shapes_of_analysis import Analysis
from .transport import Transport

EVENTS = "/api/v1/events"
RUNS = "/api/v1/analysis"
AT_ONCE = 500
_NEVER = datetime.max.replace(tzinfo=UTC)


def place(transport: Transport) -> int:
    """Raises BadAnswer, which passes, where the portal does not know it just now."""
    row = transport.body(EVENTS, {"after": "now"})
    found = row.maybe("cursor", row.whole)
    if found is None:
        raise BadAnswer("The portal is still finding its place among the events.")
    return found


def events(
    transport: Transport, *, after: int | None, only: Mapping[str, str], every: float, pause: Pause
) -> Iterator[Event]:
    cursor = until_answered(lambda: place(transport), pause) if after is None else after
    etag = ""
    while True:
        found = until_answered(partial(_page, transport, cursor, only, etag), pause)
        yield from found.events
        etag = found.etag if found.cursor == cursor else ""
        cursor = found.cursor
        if not found.more:
            pause(every)


@dataclass(frozen=True)
class _Page:
    events: tuple[Event, ...]
    cursor: int
    more: bool
    etag: str


def _page(transport: Transport, after: int, only: Mapping[str, str], etag: str) -> _Page:
    answer = transport.get(EVENTS, {**only, "after": after, "limit": AT_ONCE}, etag=etag)
    row = answer.row
    if row is None:
        return _Page((), after, False, etag)
    found = tuple(Event.of(one) for one in row.rows("results"))
    return _Page(found, row.whole("cursor"), row.has("next"), answer.etag)


def results(transport: Transport, *, after: str | None, plan: str, every: float, pause: Pause) -> Iterator[Analysis]:
    runs = until_answered(partial(_ended, transport, after), pause)
    seen = _seen_before([run for run in runs if plan in ("", run.plan)] if after is None else runs, after)
    while True:
        for run in sorted(runs, key=_when):
            if run.run_id in seen:
                continue
            wanted = plan in ("", run.plan)
            found = until_answered(partial(_kept, transport, run), pause) if wanted else None
            seen.add(run.run_id)
            if found is not None:
                yield found
        pause(every)
        runs = until_answered(partial(_since, transport, frozenset(seen)), pause)


def _seen_before(runs: list[Run], after: str | None) -> set[str]:
    """All but the newest, or those that had ended when `after` did."""
    in_order = sorted(runs, key=_when)
    if after is None:
        return {run.run_id for run in in_order[:-1]}
    [last] = [_when(run) for run in runs if run.run_id == after]
    return {run.run_id for run in in_order if _when(run) <= last}


def _when(run: Run) -> tuple[datetime, str]:
    return run.finished_at or _NEVER, run.run_id


def _kept(transport: Transport, run: Run) -> Analysis | None:
    try:
        return Analysis.of(transport.body("/results", {"run": run.run_id}))
    except NotFound:
        return None


def _ended(transport: Transport, after: str | None) -> list[Run]:
    """Completed runs, so many that `after` and whatever has ended later are among them."""
    if after is None:
        return next(_completed(transport))
    last = Run.of(transport.body(f"{RUNS}/{after}"))
    found: list[Run] = []
    for page in _completed(transport):
        found += page
        # A run takes minutes: by a whole page of runs that ended earlier, none that ended later is left.
        if all(_when(run) < _when(last) for run in page):
            break
    return found if any(run.run_id == after for run in found) else [*found, last]


def _since(transport: Transport, seen: frozenset[str]) -> list[Run]:
    """Completed runs, up to a page of which one is known."""
    found: list[Run] = []
    for page in _completed(transport):
        found += page
        if any(run.run_id in seen for run in page):
            break
    return found


def _completed(transport: Transport) -> Iterator[list[Run]]:
    """Pages, newest first, of all plans."""
    for page in transport.listed(RUNS, {"status": "COMPLETED", "page_size": 50}):
        yield [Run.of(row) for row in page]
