"""Run for missing accounts (U2): decided once more, for accounts without an order only."""

from datetime import timedelta
from decimal import Decimal

from accounts.models import AccountGroup, AccountGroupMember
from relay.models import Delivery, Message
from signals.models import Decision, Order, Position, Signal, StrategyTarget, WorkItem
from signals.pipeline import rerun
from signals.pipeline.drain import drain
from signals.risk import switch
from tests import factories
from tests.pipeline.asking import decided, orders, release, rule, run, send
from tradeops.core import clock, configuration

D = Decimal
HOURS = timedelta(hours=3)


class TestParts:
    def test_only_accounts_without_an_order_and_why_they_had_none(self, pair):
        signal = send(factories.strategy(accounts=pair))
        [part] = rerun.parts(signal)
        assert [(one.account.slug, one.why) for one in part.accounts] == [
            ("paper-2", "the kill switch is on (account paper-2)")
        ]
        assert (part.strategy, part.refused) == ("trend", "")

    def test_an_account_that_came_later_is_missing_too(self, pair):
        strategy = factories.strategy(accounts=pair[:1])
        signal = send(strategy)
        assert rerun.parts(signal) == []
        strategy.accounts.add(pair[1])
        configuration.changed()
        [part] = rerun.parts(signal)
        assert [(one.account.slug, one.why) for one in part.accounts] == [
            ("paper-2", "it was not one of the strategy's accounts then")
        ]

    def test_who_sees_one_account_is_shown_no_other(self, pair):
        switch.set(scope="account", key="paper-1", on=True, reason="test", by="bob", now=clock.now())
        signal = send(factories.strategy(accounts=pair))
        [part] = rerun.parts(signal, seen={pair[0].pk})
        assert [one.account.slug for one in part.accounts] == ["paper-1"]

    def test_an_order_that_was_refused_is_an_order(self, pair):
        signal = send(factories.strategy(accounts=pair[:1]))
        Order.objects.update(status="REJECTED")
        assert rerun.parts(signal) == []

    def test_a_preview_says_what_todays_rules_say_and_stores_nothing(self, pair):
        signal = send(factories.strategy(accounts=pair), age=HOURS)
        before = (Decision.objects.count(), Order.objects.count(), Message.objects.count())
        [part] = rerun.parts(signal)
        [shown] = rerun.show(part, ["paper-2"], by="alice", now=clock.now())
        assert (shown.look.account.slug, shown.approved, shown.reason) == (
            "paper-2", False, "the kill switch is on (account paper-2)",
        )  # fmt: skip
        release()
        [shown] = rerun.show(part, ["paper-2"], by="alice", now=clock.now())
        [(leg, quantity)] = shown.legs
        assert (shown.approved, leg.intent, leg.side, quantity) == (True, "open", "buy", D("0.01"))
        assert (Decision.objects.count(), Order.objects.count(), Message.objects.count() - 1) == before  # the switch's
        assert WorkItem.objects.get().state == "done"


class TestRun:
    def test_it_trades_on_the_missing_account_and_on_no_other(self, pair):
        signal = send(factories.strategy(accounts=pair, endpoints=[factories.endpoint()]), age=HOURS)
        assert (signal.status, orders(signal)) == ("PARTIAL", [("paper-1", 0, "FILLED")])
        release()
        assert run(signal).problem == ""
        assert Signal.objects.get(pk=signal.pk).status == "PROCESSING"
        drain()
        signal.refresh_from_db()
        assert (signal.status, orders(signal)) == ("APPROVED", [("paper-1", 0, "FILLED"), ("paper-2", 0, "FILLED")])
        assert Delivery.objects.count() == 1  # of the first time
        assert Order.objects.get(account=pair[1]).decision == decided(signal)

    def test_who_asked_and_why_is_stored_beside_what_was_decided_before(self, pair):
        signal = send(factories.strategy(accounts=pair))
        old = decided(signal)
        release()
        run(signal)
        drain()
        new = decided(signal)
        assert (new.pk, new.outcome, new.reason) == (old.pk, "APPROVED", "all rules passed")
        assert rule(new, "run_again") == {
            "rule": "run_again", "verdict": "PASS", "value": "asked by alice: it was down", "limit": "a person",
        }  # fmt: skip
        asked = new.enrichment["asked"]
        assert (asked["by"], asked["reason"], asked["request"], asked["open"]) == ("alice", "it was down", "r1", False)
        [before] = new.enrichment["before"]
        assert (before["outcome"], before["reason"]) == ("REJECTED", "the kill switch is on (account paper-2)")
        assert before["rules"] == old.rules
        told = Message.objects.get(event="signal.run_again")
        assert told.title == "alice runs buy BTCUSDT of trend for paper-2: it was down"
        assert (told.level, told.body["accounts"]) == ("warning", ["paper-2"])
        assert "asked" not in decided(signal, "paper-1").enrichment

    def test_a_message_that_two_clients_read_names_no_account(self, pair):
        switch.set(scope="account", key="paper-1", on=True, reason="test", by="bob", now=clock.now())
        signal = send(factories.strategy(accounts=pair))
        pair[1].client = factories.client("theirs")
        pair[1].save()
        run(signal, accounts=["paper-1", "paper-2"])
        told = Message.objects.get(event="signal.run_again")
        assert told.title == "alice runs buy BTCUSDT of trend for 2 accounts of several clients: it was down"
        assert told.body["accounts"] == []

    def test_its_age_is_counted_from_the_ask(self, pair):
        signal = send(factories.strategy(accounts=pair, max_age_seconds=60), age=HOURS)
        release()
        run(signal)
        drain()
        order = Order.objects.get(account=pair[1])
        assert timedelta(seconds=50) < order.expires_at - clock.now() <= timedelta(seconds=60)

    def test_the_price_of_then_is_no_price_of_now(self, db):
        accounts = [factories.account(f"paper-{number}") for number in (1, 2)]  # priced by the message
        switch.set(scope="account", key="paper-2", on=True, reason="test", by="bob", now=clock.now())
        signal = send(factories.strategy(accounts=accounts), age=HOURS)
        release()
        run(signal)
        drain()
        assert [row["rule"] for row in decided(signal).rules if row["verdict"] != "PASS"] == ["price"]
        assert len(orders(signal)) == 1

    def test_the_kill_switch_rejects_it_and_that_is_stored(self, pair):
        signal = send(factories.strategy(accounts=pair))
        run(signal)
        drain()
        signal.refresh_from_db()
        found = decided(signal)
        assert (found.outcome, found.reason) == ("REJECTED", "the kill switch is on (account paper-2)")
        assert rule(found, "run_again")["verdict"] == "PASS"
        assert len(found.enrichment["before"]) == 1
        assert (signal.status, len(orders(signal))) == ("PARTIAL", 1)

    def test_an_account_that_was_not_there_gets_a_decision_of_its_own(self, pair):
        strategy = factories.strategy(accounts=pair[:1])
        signal = send(strategy)
        strategy.accounts.add(pair[1])
        configuration.changed()
        release()
        run(signal)
        assert decided(signal).reason == "asked for by alice; not decided yet"
        drain()
        found = decided(signal)
        assert (found.outcome, "before" in found.enrichment) == ("APPROVED", False)
        assert orders(signal) == [("paper-1", 0, "FILLED"), ("paper-2", 0, "FILLED")]

    def test_it_takes_no_resting_order_of_the_signal_away(self, db, swap):
        other = factories.account("swap-2", broker="full", sandbox=True, market="swap", prices="message")
        strategy = factories.strategy(accounts=[swap], prices="message", max_price_age_seconds=600)
        send(strategy, order_type="limit", price=D(40000))
        [first] = Order.objects.all()
        Order.objects.update(status="OPEN")
        strategy.accounts.add(other)
        configuration.changed()
        assert run(first.signal, ["swap-2"]).problem == ""
        drain()
        first.refresh_from_db()
        assert (first.status, first.cancel_asked_at) == ("OPEN", None)
        assert Order.objects.filter(account=other).count() == 1

    def test_a_group_member_that_waits_does_not_enter_the_middle_of_a_position(self, pair):
        group = AccountGroup.objects.create(slug="desk")
        AccountGroupMember.objects.create(group=group, account=pair[1], start="next_flat")
        strategy = factories.strategy(accounts=pair[:1])
        strategy.groups.add(group)
        configuration.changed()
        signal = send(strategy)
        release()
        run(signal)
        drain()
        found = decided(signal)
        assert (found.outcome, found.reason) == (
            "REJECTED", "paper-2 begins in group desk when the strategy is flat; paper-1 is long",
        )  # fmt: skip

    def test_an_exit_closes_what_the_missing_account_holds(self, pair):
        release()
        strategy = factories.strategy(accounts=pair)
        send(strategy)
        strategy.accounts.remove(pair[1])
        configuration.changed()
        out = send(strategy, action="close")
        assert list(Position.objects.filter(is_open=True).values_list("account__slug", flat=True)) == ["paper-2"]
        strategy.accounts.add(pair[1])
        configuration.changed()
        run(out)
        drain()
        assert not Position.objects.filter(is_open=True).exists()
        assert decided(out).intent == "close"

    def test_a_target_that_still_holds_is_traded_and_its_stance_stays(self, pair):
        signal = send(factories.strategy(accounts=pair), action="", market_position="long")
        release()
        run(signal)
        drain()
        assert [account for account, *_ in orders(signal)] == ["paper-1", "paper-2"]
        assert StrategyTarget.objects.get().target == "long"

    def test_a_failed_signal_is_run_on_all_its_accounts(self, pair):
        release()
        signal = send(factories.strategy(accounts=pair), action="nonsense")
        Order.objects.all().delete()
        Decision.objects.all().delete()
        Signal.objects.update(status="FAILED", data={**signal.data, "action": "buy"})
        WorkItem.objects.update(state="failed", error="OperationalError: gone", tries=5)
        [part] = rerun.parts(signal)
        assert [one.why for one in part.accounts] == ["it could not be decided: OperationalError: gone"] * 2
        run(signal, ["paper-1", "paper-2"])
        drain()
        signal.refresh_from_db()
        assert (signal.status, len(orders(signal))) == ("APPROVED", 2)
