"""Whatever comes in whatever order: positions are the sum of their fills, nothing closes more than there is, and money
is neither made nor lost. Short here; `python -m benchmarks.faults --only exits` runs 2,000 times 50 steps.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.db import transaction
from django.test import TestCase
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from accounts.brokers import registry
from signals.execution import cancel, claim, orders, reconcile, resting, submit
from signals.exits import runner
from signals.models import ExitPlan, Fill, Order, PnlDay, Position, RoundTrip
from signals.operator import flatten
from tests import factories
from tests.exits import market, prices
from tradeops.core import configuration
from tradeops.core.errors import Conflict

D = Decimal
SYMBOL = "BTC/USDT"
RUNS, STEPS = int(os.environ.get("EXITS_RUNS", 12)), int(os.environ.get("EXITS_STEPS", 20))
LIVE = ("PENDING", "SUBMITTED", "OPEN", "PARTIALLY_FILLED", "UNKNOWN")
EXITS = [
    {"stop_loss": "5%"},
    {"stop_loss": "4%", "take_profit": [{"at": "3%", "share": "40%"}, {"at": "6%", "share": "60%"}]},
    {"trailing_stop": "3%", "take_profit": [{"at": "5%", "share": "33%"}]},
    {"break_even": "2%", "stop_loss": "6%", "time_stop": "5m"},
    {"take_profit": [{"at": "1%", "share": "1%"}, {"at": "2%", "share": "50%"}, {"at": "4%"}]},
]


class Exits(RuleBasedStateMachine):
    @initialize(exits=st.sampled_from(EXITS))
    def begin(self, exits) -> None:
        self.savepoint = transaction.atomic()
        self.savepoint.__enter__()
        self.market = market.MARKET = market.Market(D(100), D("0.001"))
        configuration.forget()
        registry._after_fork()
        self.account = factories.account("desk", broker="market", sandbox=True, prices="table")
        self.strategy = factories.strategy(
            accounts=[self.account], exits=exits, pyramiding=9, max_price_age_seconds=9**6
        )
        self.now = datetime.now(UTC)
        self.number = 0
        self._price()

    def teardown(self) -> None:
        if not hasattr(self, "savepoint"):
            return
        try:
            self._settle()
            self._books_agree()
        finally:
            transaction.set_rollback(True)
            self.savepoint.__exit__(None, None, None)

    # What happens -----------------------------------------------------------------------------------------------------

    @rule(lots=st.integers(10, 2500), share=st.sampled_from([None, "0.4", "0.75"]))
    def signal(self, lots, share) -> None:
        """An entry, which the market may have only a part of at once."""
        self.market.thin = None if share is None else D(share)
        self.number += 1
        factories.order(
            self.account, self.strategy, number=self.number, quantity=lots * market.LOT, mode="live",
            quote=orders.quote_to_json(factories.quote(str(self.market.price), at=datetime.now(UTC))),
        )  # fmt: skip
        self._work()

    @rule(cents=st.integers(8500, 11800))
    def price(self, cents) -> None:
        self.market.move(D(cents) / 100)
        self._price()

    @rule(seconds=st.sampled_from([1, 1, 1, 7, 61, 400]))
    def tick(self, seconds) -> None:
        self.now += timedelta(seconds=seconds)
        ExitPlan.objects.filter(due_at__gt=self.now).update(due_at=self.now)  # by the monitor's clock
        with TestCase.captureOnCommitCallbacks(execute=True):
            runner.run([self.account.pk], now=self.now)
        self._work()

    @rule()
    def poll(self) -> None:
        Order.objects.filter(status__in=["OPEN", "PARTIALLY_FILLED"]).update(due_at=datetime.now(UTC))
        with TestCase.captureOnCommitCallbacks(execute=True):
            resting.run(self.account.pk, now=datetime.now(UTC))
        self._work()

    @precondition(lambda self: self.market.entries())
    @rule(share=st.sampled_from(["0.5", "1"]))
    def the_rest_of_an_entry_trades(self, share) -> None:
        for name in self.market.entries():
            left = self.market.asked[name].quantity - (self.market.orders[name].filled or D(0))
            self.market.fill(name, max(market.LOT, (left * D(share) // market.LOT) * market.LOT))

    @precondition(lambda self: self.market.entries())
    @rule()
    def cancel_entries(self) -> None:
        for order in Order.objects.filter(intent="open", status__in=["OPEN", "PARTIALLY_FILLED"]):
            try:
                cancel.ask(order, reason="test", now=datetime.now(UTC))
            except Conflict:
                continue

    @precondition(lambda self: not self.market.trouble)
    @rule(what=st.sampled_from(["lost", "gone", "refused", "killed", "killed after"]))
    def trouble(self, what) -> None:
        """The next order's answer is lost, or the order, or it is not taken, or its worker dies with it."""
        self.market.trouble = what

    @precondition(lambda self: not self.market.deaf)
    @rule(what=st.sampled_from(["lost", "gone"]))
    def trouble_with_a_cancel(self, what) -> None:
        self.market.deaf = what

    @rule()
    def close_by_hand(self) -> None:
        self.number += 1
        flatten.flatten(
            [flatten.Target(account=self.account)], request_id=f"f{self.number}", by="anna", reason="test",
            now=datetime.now(UTC),
        )  # fmt: skip
        self._work()

    @rule(share=st.sampled_from(["0.3", "1"]), above=st.sampled_from(["0.98", "1.02", "1.1"]))
    def close_at_a_limit(self, share, above) -> None:
        """A message's exit; while another closes the same, the message would wait or take its place."""
        held = sum((row.quantity for row in Position.objects.filter(side="long")), D(0))
        quantity = (held * D(share) // market.LOT) * market.LOT
        others = Order.objects.filter(intent="close", status__in=LIVE).exclude(origin="exit", type="stop")
        if quantity < market.LEAST or others.exists():
            return
        self.number += 1
        factories.order(
            self.account, self.strategy, number=self.number, quantity=quantity, mode="live", intent="close",
            side="sell", type="limit", price=self.market.price * D(above),
            quote=orders.quote_to_json(factories.quote(str(self.market.price), at=datetime.now(UTC))),
        )  # fmt: skip
        self._work()

    @rule(later=st.booleans())
    def restart(self, later) -> None:
        """Nothing is left but rows: what was lost, and what a dead worker had in its hands, is asked for; `later`, when
        nothing can arrive any more."""
        configuration.forget()
        registry._after_fork()
        doubtful = Order.objects.filter(status__in=["SUBMITTED", "UNKNOWN"])
        ago = datetime.now(UTC) - timedelta(minutes=5)
        doubtful.update(lease_until=ago, due_at=ago)
        if later:
            doubtful.update(send_expires_at=ago, sent_at=ago)
        for order in reconcile.due(now=datetime.now(UTC)):
            with TestCase.captureOnCommitCallbacks(execute=True):
                reconcile.reconcile(order)
        self._work()

    # What must hold ---------------------------------------------------------------------------------------------------

    @invariant()
    def the_books_add_up(self) -> None:
        """Positions are their fills, which are the venue's, in coins and cash to the last digit; profits are the same
        wherever they stand."""
        if not hasattr(self, "savepoint"):
            return
        fills = Fill.objects.values_list("side", "quantity", "price", "fee", "trade_id")
        positions = Position.objects.values_list("side", "quantity", "realised_pnl", "fees")
        trips = RoundTrip.objects.values_list("exit_value", "entry_value", "realised_pnl", "fees")
        days = PnlDay.objects.values_list("realised_pnl", "fees")
        fills, positions, trips = list(fills), list(positions), list(trips)
        signed = [(quantity if side == "buy" else -quantity, price, fee) for side, quantity, price, fee, _ in fills]
        assert not any(quantity for side, quantity, *_ in positions if side == "short")
        assert _total(quantity for _, quantity, *_ in positions) == _total(quantity for quantity, *_ in signed)
        spent = _total(-quantity * price - fee for quantity, price, fee in signed)
        assert spent == _total(left - entered - fees for left, entered, _, fees in trips)
        assert {tuple(row) for row in fills} <= self.market.trades()
        profits = [_total(row[-2] for row in table) for table in (positions, trips, days)]
        charged = [_total(row[-1] for row in table) for table in (positions, trips, days)]
        assert profits[0] == profits[1] == profits[2]
        assert charged[0] == charged[1] == charged[2] == _total(fee for _, _, fee in signed)

    @invariant()
    def what_rests_closes_no_more_than_there_is(self) -> None:
        if hasattr(self, "savepoint"):
            assert self.market.would_sell() <= self.market.coins

    def _books_agree(self) -> None:
        """With the venue's, to the last digit."""
        held = sum((row.quantity for row in Position.objects.filter(side="long")), D(0))
        assert held == self.market.coins
        trips = list(RoundTrip.objects.all())
        cash = sum((trip.exit_value - trip.entry_value - trip.fees for trip in trips), D(0))
        assert cash == self.market.cash
        closed = [trip for trip in trips if trip.closed_at is not None]
        for trip in closed:
            assert trip.exit_value - trip.entry_value == trip.realised_pnl
        if not held:
            assert self.market.would_sell() == 0
            assert not ExitPlan.objects.exclude(state="CLOSED").exists()

    # ------------------------------------------------------------------------------------------------------------------

    def _price(self) -> None:
        prices.say(SYMBOL, str(self.market.price))

    def _settle(self) -> None:
        self.market.trouble = self.market.deaf = ""
        for _ in range(8):
            self.restart(later=True)
            self.poll()
            self.tick(1)

    def _work(self) -> None:
        for _ in range(12):
            now = datetime.now(UTC)
            Order.objects.filter(status="PENDING").update(due_at=now)
            due = claim.sendable(now=now)
            if not due:
                return
            for order in due:
                with suppress(market.Killed), TestCase.captureOnCommitCallbacks(execute=True):
                    submit.submit(order)


def _total(amounts: Iterable[D]) -> D:
    return sum(amounts, D(0))


@pytest.mark.timeout(0 if RUNS > 100 else 600)
def test_it_holds_whatever_comes(db, settings_of_the_market):
    run_state_machine_as_test(
        Exits,
        settings=settings(
            max_examples=RUNS,
            stateful_step_count=STEPS,
            deadline=None,
            database=None,
            derandomize=RUNS <= 100,
            suppress_health_check=list(HealthCheck),
        ),
    )


@pytest.fixture
def settings_of_the_market(settings):
    settings.BROKERS = {**settings.BROKERS, "market": "tests.exits.market.MarketBroker"}
