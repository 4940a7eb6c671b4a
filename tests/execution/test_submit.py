"""One order from PENDING to the venue's answer (X3, X4, X6, X8)."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from accounts.brokers.base import BrokerRejected, BrokerTemporary, BrokerUnknown
from accounts.models import Account
from signals.execution import claim, orders, reconcile, runner, submit
from signals.models import Fill, Order, Position
from signals.risk import switch
from tests import factories

D = Decimal
pytestmark = pytest.mark.django_db


def now():
    return datetime.now(UTC)


def fresh(order):
    order.refresh_from_db()
    return order


def steps(order):
    return list(order.steps.order_by("id").values_list("step", flat=True))


class TestClientOrderId:
    def test_it_is_deterministic_and_venue_safe(self):
        parts = {"origin": "signal", "origin_id": "x", "strategy": "s", "account": "a", "leg": 0, "attempt": 0}
        made = orders.client_order_id(**parts)
        assert made == orders.client_order_id(**parts)
        assert len(made) == 32
        assert made.isalnum()
        assert len({orders.client_order_id(**{**parts, name: 1}) for name in ("leg", "attempt")} | {made}) == 3
        # The parts are delimited: moving a letter from one to the next makes another id.
        assert orders.client_order_id(**{**parts, "origin_id": "xs", "strategy": ""}) != made


class TestSend:
    def test_it_sizes_rounds_down_sends_and_fills(self, venue, account, strategy, events_seen):
        order = factories.order(account, strategy, quantity=D("0.0129"))
        submit.submit(order)
        order = fresh(order)
        assert (order.status, order.sent_quantity, order.filled_quantity) == ("FILLED", D("0.012"), D("0.012"))
        assert order.average_price == D(50000)
        assert steps(order) == [
            "pair", "instrument", "max_size", "size", "round", "client_order_id", "sent", "filled",
        ]  # fmt: skip
        [request] = venue.received
        assert request.client_order_id == order.client_order_id
        assert request.quantity == D("0.012")
        assert request.send_expires_at - order.sent_at == timedelta(seconds=claim.SEND_SECONDS)
        assert Position.objects.get().quantity == D("0.012")
        assert events_seen() == ["order.filled"]

    def test_the_venues_maximum_caps_it(self, venue, account, strategy):
        venue.cap = D("0.0055")
        order = factories.order(account, strategy)
        submit.submit(order)
        assert fresh(order).sent_quantity == D("0.005")

    def test_below_the_minimum_is_rejected_before_any_send(self, venue, account, strategy, events_seen):
        venue.minimum = D("0.02")
        order = factories.order(account, strategy)
        submit.submit(order)
        order = fresh(order)
        assert (order.status, order.code) == ("REJECTED", "below_minimum")
        assert order.message == "0.01 is below the venue's minimum of 0.02"
        assert steps(order) == ["pair", "instrument", "max_size", "size", "round", "client_order_id", "rejected"]
        assert venue.received == []
        assert events_seen() == ["order.rejected"]

    def test_the_row_is_committed_before_the_venue_is_called(self, venue, account, strategy):
        order = factories.order(account, strategy)
        seen = []
        venue.before_place = lambda request: seen.append(Order.objects.get(pk=order.pk).status)
        submit.submit(order)
        assert seen == ["SUBMITTED"]

    def test_a_second_worker_with_the_same_order_sends_nothing(self, venue, account, strategy):
        order = factories.order(account, strategy)
        twin = Order.objects.select_related("account", "strategy", "signal").get(pk=order.pk)
        submit.submit(order)
        assert submit.submit(twin) is None
        assert len(venue.received) == 1

    def test_an_old_entry_expires_unsent(self, venue, account, strategy):
        order = factories.order(account, strategy, expires_at=now() - timedelta(seconds=1))
        submit.submit(order)
        assert (fresh(order).status, order.code) == ("EXPIRED", "stale")
        assert venue.received == []

    def test_a_real_account_is_not_armed(self, venue, strategy):
        real = factories.account("real", broker="scripted", sandbox=False)
        order = factories.order(real, strategy)
        submit.submit(order)
        assert (fresh(order).status, order.code) == ("REJECTED", "not_armed")
        assert venue.received == []

    def test_live_trading_arms_it(self, venue, strategy, settings):
        settings.TRADING = "live"
        order = factories.order(factories.account("real", broker="scripted"), strategy)
        submit.submit(order)
        assert fresh(order).status == "FILLED"


class TestKillSwitch:
    @pytest.mark.parametrize(("scope", "key"), [("global", ""), ("strategy", "trend"), ("account", "demo-venue")])
    def test_it_stops_an_entry_that_was_already_approved(self, venue, account, strategy, scope, key):
        order = factories.order(account, strategy)
        switch.set(scope=scope, key=key, on=True, reason="", by="test", now=now())
        submit.submit(order)
        assert (fresh(order).status, order.code) == ("CANCELED", "kill_switch")
        assert venue.received == []

    def test_an_exit_passes(self, venue, account, strategy):
        switch.set(scope="global", on=True, reason="", by="test", now=now())
        order = factories.order(account, strategy, intent="close", side="sell", expires_at=now())
        submit.submit(order)
        assert fresh(order).status == "FILLED"

    def test_another_accounts_switch_does_not_stop_it(self, venue, account, strategy):
        factories.account("other")
        switch.set(scope="account", key="other", on=True, reason="", by="test", now=now())
        order = factories.order(account, strategy)
        submit.submit(order)
        assert fresh(order).status == "FILLED"


class TestAFrozenAccount:
    @pytest.fixture
    def order(self, account, strategy):
        account.frozen_reason = "somebody looks into it"
        account.save()
        return factories.order(account, strategy)

    def test_an_entry_that_was_already_approved_is_not_sent(self, venue, order):
        submit.submit(order)
        assert (fresh(order).status, order.code) == ("CANCELED", "frozen")
        assert fresh(order).message.endswith("was frozen before the order could be sent: somebody looks into it")
        assert venue.received == []

    def test_what_waited_since_before_it_was_frozen_is_not_sent(self, venue, account, strategy):
        [waiting] = claim.loaded([factories.order(account, strategy).pk])
        Account.objects.update(frozen_reason="it looks odd")  # as another process does it
        assert waiting.account.frozen_reason == ""
        submit.submit(waiting)
        row = fresh(waiting)
        assert (row.status, row.code) == ("CANCELED", "frozen")
        assert row.message == "demo-venue was frozen before the order could be sent: it looks odd"
        assert venue.received == []

    def test_what_waited_since_before_it_was_unfrozen_is(self, venue, account, strategy, order):
        [waiting] = claim.loaded([order.pk])
        Account.objects.update(frozen_reason="")
        submit.submit(waiting)
        assert fresh(order).status == "FILLED"

    def test_it_is_asked_once_for_all_that_are_claimed_together(self, account, full, strategy):
        symbols = [("BTC/USDT", account), ("ETH/USDT", account), ("BTC/USDT", full), ("ETH/USDT", full)]
        asked = [
            claim.Asked(order=factories.order(on, strategy, number=number, symbol=symbol), quantity=D(1), steps=(),
                        now=now())
            for number, (symbol, on) in enumerate(symbols)
        ]  # fmt: skip
        Account.objects.filter(pk=full.pk).update(frozen_reason="it looks odd")
        with transaction.atomic(), CaptureQueriesContext(connection) as captured:
            claimed = claim.claim_all(asked)
        assert [order is not None for order in claimed] == [True, True, False, False]
        assert sum("frozen_reason" in query["sql"] for query in captured) == 1

    def test_nobody_asks_for_an_exit(self, account, strategy, order):
        out = factories.order(account, strategy, intent="close", side="sell", number=2)
        with CaptureQueriesContext(connection) as captured:
            assert claim.claim(out, quantity=D(1), steps=(), now=now()) is not None
        assert not any("frozen_reason" in query["sql"] for query in captured)

    def test_an_exit_passes(self, venue, account, strategy, order):
        submit.submit(order)
        out = factories.order(account, strategy, intent="close", side="sell", number=2)
        submit.submit(out)
        assert fresh(out).status == "FILLED"


class TestErrors:
    def test_final_is_rejected_with_the_venues_code(self, venue, account, strategy):
        venue.answers = [BrokerRejected("not enough USDT", code="51008")]
        order = factories.order(account, strategy)
        submit.submit(order)
        assert (fresh(order).status, order.code, order.message) == ("REJECTED", "51008", "not enough USDT")

    def test_temporary_goes_back_and_is_sent_later_under_the_same_id(self, venue, account, strategy):
        venue.answers = [BrokerTemporary("busy", retry_after=0.3)]
        order = factories.order(account, strategy)
        submit.submit(order)
        order = fresh(order)
        assert (order.status, order.tries) == ("PENDING", 1)
        assert order.due_at > now()
        assert claim.sendable(now=now()) == []
        assert [row.pk for row in claim.sendable(now=order.due_at)] == [order.pk]
        Order.objects.update(due_at=now())
        submit.submit(Order.objects.get())
        assert fresh(order).status == "FILLED"
        assert len({request.client_order_id for request in venue.received}) == 1

    def test_an_entry_gives_up_after_a_few_tries(self, venue, account, strategy):
        venue.answers = [BrokerTemporary("busy", code="50011") for _ in range(4)]
        factories.order(account, strategy)
        for _ in range(4):
            Order.objects.update(due_at=now())
            submit.submit(Order.objects.get())
        assert Order.objects.get().status == "REJECTED"
        assert Order.objects.get().code == "50011"

    def test_an_exit_never_gives_up_and_calls_for_help(self, venue, account, strategy, events_seen):
        venue.answers = [BrokerTemporary("busy") for _ in range(6)]
        factories.order(account, strategy, intent="close", side="sell")
        for _ in range(6):
            Order.objects.update(due_at=now())
            submit.submit(Order.objects.get())
        assert Order.objects.get().status == "PENDING"
        assert events_seen() == ["order.stuck"]


class TestUnknown:
    @pytest.fixture
    def lost(self, venue, account, strategy):
        """An order that the venue took without saying so."""
        venue.answers = [BrokerUnknown("no answer in time")]
        order = factories.order(account, strategy)
        submit.submit(order)
        return fresh(order)

    def test_it_is_never_sent_again(self, lost, venue, events_seen):
        assert lost.status == "UNKNOWN"
        assert events_seen() == ["order.unknown"]
        runner.run(now=now())
        assert len(venue.received) == 1

    def test_it_freezes_entries_but_not_exits_of_its_lane(self, lost, venue, account, strategy):
        entry = factories.order(account, strategy, number=2)
        assert claim.sendable(now=now()) == []
        assert claim.claim(entry, quantity=D(1), steps=(), now=now()) is None
        way_out = factories.order(account, strategy, number=3, intent="close", side="sell")
        assert [row.pk for row in claim.sendable(now=now())] == [way_out.pk]

    def test_it_is_resolved_by_asking_the_venue(self, lost, venue):
        Order.objects.update(due_at=now())
        assert [row.pk for row in reconcile.due(now=now())] == [lost.pk]
        reconcile.reconcile(Order.objects.get())
        lost.refresh_from_db()
        assert (lost.status, lost.filled_quantity) == ("FILLED", D("0.01"))
        assert venue.fetches == [lost.client_order_id]
        assert len(venue.received) == 1
        assert Position.objects.get().quantity == D("0.01")

    def test_while_the_venue_does_not_tell_it_stays_unknown(self, lost, venue):
        venue.fetch_error = BrokerTemporary("down")
        Order.objects.update(due_at=now())
        reconcile.reconcile(Order.objects.get())
        lost.refresh_from_db()
        assert lost.status == "UNKNOWN"
        assert lost.due_at > now()

    def test_not_found_is_final_only_after_expiry_and_grace(self, lost, venue):
        venue.ledger.clear()
        Order.objects.update(due_at=now())
        reconcile.reconcile(Order.objects.get())
        lost.refresh_from_db()
        assert lost.status == "UNKNOWN"
        assert lost.due_at > now()
        Order.objects.update(due_at=now(), send_expires_at=now() - timedelta(seconds=10))
        reconcile.reconcile(Order.objects.get())
        lost.refresh_from_db()
        assert lost.status == "PENDING"  # proven: the venue never had it
        submit.submit(Order.objects.select_related("account", "strategy", "signal").get())
        assert Order.objects.get().status == "FILLED"
        assert [request.client_order_id for request in venue.received] == [lost.client_order_id] * 2
        assert Fill.objects.count() == 1


class TestDryRun:
    def test_the_broker_says_what_it_would_do_and_nothing_happens(self, venue, account, strategy, events_seen):
        order = factories.order(account, strategy, mode="dry_run")
        submit.submit(order)
        order = fresh(order)
        assert (order.status, order.code) == ("CANCELED", "dry_run")
        assert order.message == "would be FILLED: would fill 0.01"
        assert venue.received == []
        assert not Fill.objects.exists()
        assert not Position.objects.exists()
        assert events_seen() == ["order.dry_run"]


class TestLanes:
    def test_one_order_per_account_and_symbol_at_a_time_exits_first(self, venue, account, strategy):
        first = factories.order(account, strategy, number=1)
        way_out = factories.order(account, strategy, number=2, intent="close", side="sell")
        elsewhere = factories.order(account, strategy, number=3, symbol="ETH/USDT")
        assert {row.pk for row in claim.sendable(now=now())} == {way_out.pk, elsewhere.pk}
        assert claim.claim(way_out, quantity=D(1), steps=(), now=now()) is not None
        assert {row.pk for row in claim.sendable(now=now())} == {elsewhere.pk}
        assert claim.claim(first, quantity=D(1), steps=(), now=now()) is None

    def test_what_is_being_worked_on_counts_for_its_lane_but_not_among_the_most(self, venue, account, strategy):
        symbols = ["A/USDT", "A/USDT", "B/USDT", "C/USDT"]
        first, second, other, last = (
            factories.order(account, strategy, number=number, symbol=symbol, intent="close", side="sell").pk
            for number, symbol in enumerate(symbols)
        )

        def found(*taken):
            return [row.pk for row in claim.sendable(now=now(), limit=1, taken=taken)]

        assert found() == [first]
        assert found(first) == [other]
        assert found(first, other) == [last]
        assert found(first, other, last) == []
        Order.objects.filter(pk=first).delete()
        assert found(first, other, last) == [second]

    def test_a_worker_that_died_after_claiming_is_followed_by_a_question_not_a_send(self, venue, account, strategy):
        order = factories.order(account, strategy)
        claim.claim(order, quantity=D("0.01"), steps=(), now=now())
        assert reconcile.due(now=now()) == []  # its holder, this process, is alive
        Order.objects.update(claim_token=_token_of_a_dead_process())
        [found] = reconcile.due(now=now())
        reconcile.reconcile(found)
        order = fresh(order)
        assert order.status == "UNKNOWN"  # which lets exits of the lane pass
        assert order.due_at > now()
        assert venue.received == []
        assert venue.fetches == [order.client_order_id]


def _token_of_a_dead_process():
    """What a worker of this machine that is gone would have left: our token with the process id of an ended child."""
    import os
    import subprocess
    import sys

    from tradeops.core import holder

    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    return holder.of_this_process().token().replace(f":{os.getpid()}:", f":{child.pid}:")
