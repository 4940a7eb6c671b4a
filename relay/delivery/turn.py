"""What the sender does with the database in one go: write results, sweep, take new work."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import InterfaceError, OperationalError

from tradeops.core import heartbeat, logs
from tradeops.core.holder import Holder

from . import bury, claim, endpoints, failover, settle
from .endpoints import Routing
from .parcel import Parcel
from .settle import Result

logger = logs.get(__name__)


@dataclass(frozen=True, kw_only=True)
class Work:
    routing: Routing
    claimed: list[Parcel]


def write(results: Sequence[Result], *, now: datetime) -> None:
    """All in one transaction; if one of them cannot be written at all, each in its own and that one is left out.

    What is left out is tried again when its lease ends. Raises OperationalError or InterfaceError when the database
    does not answer: then the same results can be given again.
    """
    if not results:
        return
    ill = False
    try:
        ill = settle.write(results)
    except (OperationalError, InterfaceError):
        raise
    except Exception:
        logger.exception("a batch of results could not be written; each is written alone", results=len(results))
        for result in results:
            _write_alone(result)
    if ill:
        failover.look(routing=endpoints.routing(), now=now)


def _write_alone(result: Result) -> None:
    try:
        settle.write([result])
    except (OperationalError, InterfaceError):
        raise
    except Exception:
        logger.exception("a result could not be written; it is tried again", delivery=result.delivery.pk)


def take(*, busy: Mapping[int, int], concurrency: int, holder: Holder, now: datetime) -> Work:
    """New work for the endpoints with room: `concurrency` at a time each, less the `busy` ones."""
    routing = endpoints.routing()
    slots = {pk: concurrency - busy.get(pk, 0) for pk, receiver in routing.receivers.items() if receiver.active}
    claimed = claim.take(receivers=routing.receivers, slots=slots, holder=holder, now=now)
    return Work(routing=routing, claimed=claimed)


def sweep(*, holder: Holder, now: datetime) -> bool:
    """Ends the leases of the dead, has groups change leaders, gives up the hopeless. True if there is more of these."""
    freed = claim.free_dead(holder=holder)
    if freed:
        logger.warning("deliveries of a sender that died are taken over", deliveries=freed)
    routing = endpoints.routing()
    given_up = bury.overdue(receivers=routing.receivers, now=now)
    # After that: what held a group to its leader may be gone, and nothing else should be sent to that one first.
    failover.look(routing=routing, now=now)
    return given_up == bury.AT_ONCE


def beat(*, started_at: datetime, in_flight: int, now: datetime) -> None:
    heartbeat.beat(process="relay", started_at=started_at, now=now, detail=f"{in_flight} in flight")
