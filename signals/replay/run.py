"""The replay itself: signals, prices and analyses in the order of their times, through the code that runs every day.

One thread and one clock, which stands still while something is worked on; what is due in between is done at its time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from operator import itemgetter
from typing import Any

from django.core import serializers
from django.db import transaction

from accounts.models import Account
from signals import receive
from signals.execution import resting
from signals.execution.lifecycle import RESTING
from signals.exits import runner as exits
from signals.market import cache
from signals.models import ExitPlan, Order, PaperOrder, PaperPosition
from signals.paper import rounds
from signals.pipeline import work
from signals.pipeline.drain import drain
from signals.receive import Alert
from signals.reconciliation import cursor
from signals.reconciliation import run as reconciliation
from signals.risk import losses
from signals.strategies import experiments
from tradeops.core import clock

from . import times
from .tape import tape

ANALYSIS, PRICE, SIGNAL = range(3)  # of one moment: what was known comes before what is decided
_BUDGET_SECONDS = 3600.0
_ROUNDS = 50  # of one moment; a stop that is moved and filled takes three

Say = Callable[[int, int], None]


@dataclass(frozen=True)
class Event:
    at: datetime
    kind: int
    what: Mapping[str, Any]


@dataclass(kw_only=True)
class Replay:
    """`say(done, total)` hears of signals."""

    material: Mapping[str, Any]
    say: Say
    now: datetime = field(init=False)
    looked: int = 0  # prices at which something was open
    watching: bool = False

    def run(self) -> None:
        since, until = (datetime.fromisoformat(self.material[name]) for name in ("since", "until"))
        self.now = since
        clock.run_by(lambda: self.now)
        received = {one["id"]: one["received_at"] for one in self.material["signals"]}
        tape.put(self.material["prices"], received=received)
        done = 0
        for event in events(self.material):
            self._until(event.at)
            self._meet(event)
            if event.kind == SIGNAL:
                done += 1
                self.say(done, len(received))
        self._until(until)

    def _meet(self, event: Event) -> None:
        if event.kind == PRICE and not self.watching:
            return  # nothing is open: it is on the tape
        self._go(event.at)
        if event.kind == ANALYSIS:
            for row in serializers.deserialize("python", [event.what["row"]]):
                row.save()
            return
        if event.kind == SIGNAL:
            self._receive(event.what)
        else:
            self.looked += 1
        self._settle(price=event.kind == PRICE)

    def _go(self, at: datetime) -> None:
        """Prices and bars that were kept for a moment of the real time are not for this one.

        The configuration is: whoever changes it does so in this process, which then looks again.
        """
        self.now = max(self.now, at)
        cache.forget()

    def _until(self, at: datetime) -> None:
        """What is due before `at`, each at its time."""
        while self.watching:
            due = times.next_after(self.now)
            if due is None or due >= at:
                return
            self._go(due)
            self._settle(price=False)

    def _receive(self, told: Mapping[str, Any]) -> None:
        alert, routes = Alert.from_json(told["data"]), [self.material["strategy"]]
        with transaction.atomic():
            receive.store(
                [
                    receive.new(
                        source_id=None, alert=alert, raw={}, routes=routes, request_id=told["request_id"], address=None,
                        size=0, received_at=datetime.fromisoformat(told["received_at"]), public_id=told["id"],
                        variants=experiments.variants(told["id"], routes),
                    )
                ]
            )  # fmt: skip

    def _settle(self, *, price: bool) -> None:
        """Everything that follows of this moment, until nothing moves any more."""
        drain(budget_seconds=_BUDGET_SECONDS)
        self._look_at_all()
        if price:
            self._tell_the_venue()
        for _ in range(_ROUNDS):
            exits.run(exits.due(now=self.now), now=self.now)
            for account in resting.due(now=self.now):
                resting.run(account, now=self.now)
            if not drain(budget_seconds=_BUDGET_SECONDS):
                break
        losses.run(now=self.now)
        self.watching = _is_anything_open()

    def _look_at_all(self) -> None:
        """Live, exits and resting orders are looked at each second; here at each moment of which something is known."""
        ExitPlan.objects.exclude(state=ExitPlan.State.CLOSED).update(due_at=self.now)
        Order.objects.filter(status__in=list(RESTING)).update(due_at=self.now)

    def _tell_the_venue(self) -> None:
        resting_at = set(PaperOrder.objects.filter(status__in=list(RESTING)).values_list("account", flat=True))
        contracts = [row for row in PaperPosition.objects.all() if row.quantity]
        for account in sorted(resting_at | {row.account_id for row in contracts}):
            rounds.run(account, now=self.now)
        # Funding and liquidations are the venue's own doing: they are learnt by comparing.
        for account in cursor.due(now=self.now, accounts=sorted({row.account_id for row in contracts})):
            reconciliation.run(Account.objects.get(pk=account), now=self.now, pause=lambda seconds: None)


def events(material: Mapping[str, Any]) -> Iterator[Event]:
    """In their order; signals of one moment in the order of receipt."""
    found = [(ANALYSIS, one) for one in material["analyses"]]
    found += [(PRICE, one) for one in material["prices"]]
    found += [(SIGNAL, one) for one in material["signals"]]
    made = [(datetime.fromisoformat(one["at"]), kind, number, one) for number, (kind, one) in enumerate(found)]
    for at, kind, _, one in sorted(made, key=itemgetter(0, 1, 2)):
        yield Event(at, kind, one)


def _is_anything_open() -> bool:
    return (
        ExitPlan.objects.exclude(state=ExitPlan.State.CLOSED).exists()
        or work.there() != work.There(signals=False, items=False, orders=False)
        or Order.objects.filter(status__in=list(RESTING)).exists()
        or any(row.quantity for row in PaperPosition.objects.all())
    )
