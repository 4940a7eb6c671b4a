"""Run for missing accounts (U2): never twice, and not where it is too late or somebody said no."""

import threading
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection

from relay.models import Message
from signals.models import Approval, Order, Position, WorkItem
from signals.pipeline import approvals, rerun
from signals.pipeline.drain import drain
from signals.risk import switch
from tests import factories
from tests.pipeline.asking import decided, orders, release, rule, run, send
from tradeops.core import clock, configuration

D = Decimal
HOURS = timedelta(hours=3)


class TestNeverTwice:
    def test_the_same_request_counts_once(self, pair):
        signal = send(factories.strategy(accounts=pair))
        run(signal)
        drain()  # rejected: the switch is on
        release()
        again = run(signal)
        drain()
        assert (again.again, again.problem) == (True, "")
        assert (decided(signal).outcome, len(orders(signal))) == ("REJECTED", 1)
        assert Message.objects.filter(event="signal.run_again").count() == 1

    def test_while_one_is_being_decided_another_is_refused(self, pair):
        signal = send(factories.strategy(accounts=pair))
        release()
        run(signal)
        second = run(signal, by="carol", request="r2")
        assert second.problem == "alice has asked for it already; it is being decided"
        drain()
        assert [account for account, *_ in orders(signal)] == ["paper-1", "paper-2"]
        assert decided(signal).enrichment["asked"]["by"] == "alice"

    def test_who_has_an_order_by_now_is_refused(self, pair):
        signal = send(factories.strategy(accounts=pair))
        release()
        run(signal)
        drain()
        assert run(signal, request="r2").problem == (
            "paper-2: there is an order of this signal by now, or it left the strategy"
        )
        assert run(signal, ["paper-1"], request="r3").problem.startswith("paper-1: there is an order")
        drain()
        assert len(orders(signal)) == 2

    def test_a_strategy_that_the_signal_is_not_for_is_refused(self, pair):
        signal = send(factories.strategy(accounts=pair))
        factories.strategy("other", accounts=pair)
        assert run(signal, strategy="other").problem == "the signal is none of other's"
        assert WorkItem.objects.get().state == "done"


class TestRefused:
    @pytest.mark.parametrize(
        ("older", "newer"),
        [
            ({"action": "buy"}, {"action": "close"}),
            ({"action": "buy"}, {"action": "sell"}),
            ({"action": "buy"}, {"action": "", "market_position": "flat"}),
            ({"action": "close"}, {"action": "buy"}),
            ({"action": "close"}, {"action": "close"}),
            ({"action": "", "market_position": "long"}, {"action": "", "market_position": "long"}),
        ],
        ids=["closed", "opposite", "flat", "exit", "exit-again", "target"],
    )
    def test_what_a_newer_signal_has_overtaken(self, pair, older, newer):
        strategy = factories.strategy(accounts=pair)
        signal = send(strategy, **older)
        later = send(strategy, sender_id="2", **newer)
        [part] = rerun.parts(signal)
        said = f"it is superseded: {later.action} BTCUSDT came at {clock.iso_ms(later.received_at)}"
        assert part.refused == said
        count = Order.objects.count()
        assert run(signal).problem == said
        drain()
        assert (Order.objects.count(), "asked" in decided(signal).enrichment) == (count, False)

    @pytest.mark.parametrize(
        "newer",
        [{"action": "buy"}, {"action": "close", "dry_run": True}, {"action": "", "market_position": "long"}],
        ids=["same-side", "dry-run", "target-of-the-side"],
    )
    def test_an_entry_stands_beside_others_of_its_side(self, pair, newer):
        strategy = factories.strategy(accounts=pair)
        signal = send(strategy)
        send(strategy, sender_id="2", **newer)
        [part] = rerun.parts(signal)
        assert part.refused == ""

    def test_another_symbol_overtakes_nothing(self, pair):
        strategy = factories.strategy(accounts=pair, symbols={"BTCUSDT": "BTC/USDT", "ETHUSDT": "ETH/USDT"})
        signal = send(strategy)
        send(strategy, symbol="ETHUSDT", action="close")
        assert [part.refused for part in rerun.parts(signal)] == [""]

    def test_what_comes_between_the_ask_and_the_decision_overtakes_it_too(self, pair):
        strategy = factories.strategy(accounts=pair)
        signal = send(strategy)
        release()
        run(signal)
        later = factories.signal(strategy, action="close")
        drain()
        found = decided(signal)
        at = clock.iso_ms(later.received_at)
        assert (found.outcome, found.reason) == ("REJECTED", f"superseded: close BTCUSDT came at {at}")
        assert [account for account, *_ in orders(signal)] == ["paper-1"]

    def test_a_cancel_and_a_heartbeat(self, pair):
        strategy = factories.strategy(accounts=pair)
        for word in ("cancel", "heartbeat"):
            signal = send(strategy, action=word, market_position="long" if word == "heartbeat" else "")
            [part] = rerun.parts(signal)
            assert part.refused == f"a {word} makes no orders of its own"

    def test_a_persons_no_is_final(self, pair):
        release()
        signal = send(factories.strategy(accounts=pair, approval_seconds=300))
        [part] = rerun.parts(signal)
        assert part.refused == "it waits for a person's yes: answer that first"
        approvals.answer(approval=Approval.objects.get(), yes=False, by="bob", reason="news", now=clock.now())
        [part] = rerun.parts(signal)
        assert part.refused == "bob has said no to it: news"
        assert run(signal).problem == part.refused

    def test_asking_is_the_yes_of_a_strategy_that_asks(self, pair):
        signal = send(factories.strategy(accounts=pair, approval_seconds=300))
        approvals.answer(approval=Approval.objects.get(), yes=True, by="bob", reason="", now=clock.now())
        drain()
        release()
        run(signal)
        drain()
        assert [(account, leg) for account, leg, _ in orders(signal)] == [("paper-1", 10), ("paper-2", 0)]
        assert rule(decided(signal), "approval")["value"] == "given by alice"
        assert Approval.objects.get().answered_by == "bob"

    def test_an_account_that_leaves_before_it_is_decided(self, pair):
        strategy = factories.strategy(accounts=pair)
        signal = send(strategy)
        release()
        run(signal)
        strategy.accounts.remove(pair[1])
        configuration.changed()
        drain()
        found = decided(signal)
        assert found.reason == "alice asked for it, but the strategy no longer trades on paper-2"
        assert (found.outcome, found.enrichment["asked"]["open"]) == ("REJECTED", False)
        assert WorkItem.objects.get().state == "done"


@pytest.mark.django_db(transaction=True)
def test_of_many_operators_at_once_exactly_one_order_comes():
    accounts = [factories.account(f"paper-{number}", prices="simulated") for number in (1, 2)]
    switch.set(scope="account", key="paper-2", on=True, reason="test", by="bob", now=clock.now())
    signal = send(factories.strategy(accounts=accounts))
    release()
    results, failures, begin = [], [], threading.Barrier(8)

    def work(number):
        try:
            begin.wait()
            results.append(run(signal, by=f"p{number}", request=f"r{number}"))
            drain()
        except Exception as error:
            failures.append(error)
        finally:
            connection.close()

    people = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for person in people:
        person.start()
    for person in people:
        person.join()
    drain()
    assert failures == []
    assert len([result for result in results if not result.problem]) == 1
    assert orders(signal) == [("paper-1", 0, "FILLED"), ("paper-2", 0, "FILLED")]
    assert Position.objects.filter(is_open=True).count() == 2
    assert Message.objects.filter(event="signal.run_again").count() == 1
