"""Items that wait although their strategies only relay: behind one that had failed, or routed when there were accounts.

They are decided together like new ones. What has failed before is left to the drain, one by one, with what is behind
it in its lane.
"""

from __future__ import annotations

from django.db import InterfaceError, OperationalError, transaction

from signals.models import WorkItem
from tradeops.core import clock, logs
from tradeops.core.alone import alone

from . import gather, plans, route, together, work
from .gather import Case
from .ordering import Stances

logger = logs.get(__name__)


def work_off() -> int:
    """Decides the next ones; returns how many. 0 if none wait, another is at it, or they do not go together."""
    strategies = plans.that_only_relay()
    if not strategies or not work.untried(strategies, now=clock.now(), limit=1):
        return 0
    try:
        return _work_off(strategies)
    except (OperationalError, InterfaceError):
        raise  # the database does not answer
    except Exception:
        logger.exception("signals could not be decided together; each is decided alone")
        return 0


def _work_off(strategies: list[int]) -> int:
    with alone(route.ROUTER) as mine:
        stances, now = Stances(), clock.now()
        cases = _cases(work.untried(strategies, now=now, limit=together.MOST), stances) if mine else []
        if not cases:
            return 0
        judged = together.judge(cases, now=clock.now())
        with transaction.atomic(savepoint=False):
            if not work.finish([case.item for case in cases]):
                transaction.set_rollback(True)  # a worker has taken one of them; the next look leaves it out
                return 0
            together.store(together.lock(judged))
            stances.store(now=now)
    return len(cases)


def _cases(items: list[WorkItem], stances: Stances) -> list[Case]:
    """Without those that cannot be read or have to wait for another, and what is behind them."""
    found = gather.signals(
        where=f"id IN ({', '.join(['%s'] * len(items))})" if items else "1 = 0",
        params=[item.signal_id for item in items],
    )
    signals = {signal.pk: signal for signal in found}
    cases, stuck = [], set[str]()
    for item in items:
        case = None
        if item.lane not in stuck:
            case = route.case_of(item, signals[item.signal_id], plans.of(item.strategy_id))
        if case is None or not stances.passes(item, case.alert, case.mapped):
            stuck.add(item.lane)
        else:
            cases.append(case)
    return cases
