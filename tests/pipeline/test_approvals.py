"""A person's yes before a strategy trades (D6)."""

import threading
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection

from relay.models import Delivery, Message
from signals.models import Approval, Decision, Order, Position, Signal, WorkItem
from signals.pipeline import approvals
from signals.pipeline.drain import drain
from signals.risk import switch
from tests import factories
from tradeops.core import clock
from tradeops.core.errors import Conflict, Refused

D = Decimal


@pytest.fixture
def paper(db):
    return factories.account()


def asking(*accounts, **fields):
    return factories.strategy(accounts=list(accounts), approval_seconds=300, **fields)


def send(strategy, **alert):
    signal = factories.signal(strategy, **alert)
    drain()
    signal.refresh_from_db()
    return signal


def answer(yes, *, by="alice", reason="looks good", after=0.0, approval=None):
    row = approval or Approval.objects.latest("pk")
    approvals.answer(approval=row, yes=yes, by=by, reason=reason, now=clock.now() + timedelta(seconds=after))
    drain()
    row.refresh_from_db()
    return row


def told(name):
    return list(Message.objects.filter(event=name).values_list("title", flat=True))


class TestAsking:
    def test_nothing_is_traded_and_a_preview_is_stored(self, paper):
        signal = send(asking(paper))
        [row] = approvals.waiting(now=clock.now())
        assert (row.status, row.expires_at - row.asked_at) == ("ASKED", timedelta(seconds=300))
        [one] = row.preview
        assert (one["account"], one["orders"]) == (
            "paper-1",
            [{
                "side": "buy", "position_side": "long", "symbol": "BTC/USDT", "quantity": "0.01", "type": "market",
                "price": "50000",
            }],
        )  # fmt: skip
        assert {rule["verdict"] for rule in one["rules"]} == {"PASS"}
        assert (Order.objects.count(), Decision.objects.count(), signal.status) == (0, 0, "PROCESSING")
        assert told("approval.asked") == ["trend asks: buy BTCUSDT? buy 0.01 BTC/USDT at 50000 on paper-1"]

    def test_a_message_that_two_clients_read_names_no_account(self, paper):
        other = factories.account("theirs-1", client=factories.client("theirs"), prices="message")
        strategy = asking(paper)
        strategy.accounts.add(other)
        send(strategy)
        answer(False)
        messages = Message.objects.filter(event__startswith="approval.").order_by("id")
        assert [row.title for row in messages] == [
            "trend asks: buy BTCUSDT? 2 accounts of several clients",
            "trend: looks good; not traded: 2 accounts of several clients",
        ]
        assert [row.body["preview"] for row in messages] == [[], []]
        assert len(Approval.objects.get().preview) == 2  # shown to each by what is theirs

    def test_what_is_rejected_anyway_asks_nobody(self, paper):
        factories.limit("max_order_notional", "1")
        assert send(asking(paper)).status == "REJECTED"
        assert not Approval.objects.exists()

    def test_exits_are_never_held_up(self, paper):
        strategy = asking(paper)
        send(strategy)
        answer(True)
        assert send(strategy, action="close").status == "APPROVED"
        assert not Position.objects.filter(is_open=True).exists()
        assert Approval.objects.count() == 1

    def test_a_dry_run_asks_nobody(self, paper):
        assert send(asking(paper, mode="dry_run")).status == "APPROVED"
        assert not Approval.objects.exists()

    def test_an_endpoint_alone_waits_too(self, db):
        strategy = factories.strategy(endpoints=[factories.endpoint()], approval_seconds=300)
        signal = send(strategy)
        assert (Delivery.objects.count(), signal.status) == (0, "PROCESSING")
        answer(True)
        signal.refresh_from_db()
        assert (Delivery.objects.count(), signal.status) == (1, "APPROVED")

    def test_the_other_strategies_of_the_signal_do_not_wait(self, paper):
        other = factories.strategy("other", accounts=[paper])
        signal = factories.signal(asking(paper), other)
        drain()
        signal.refresh_from_db()
        assert list(Order.objects.values_list("strategy__slug", flat=True)) == ["other"]
        assert signal.status == "PROCESSING"
        answer(False)
        signal.refresh_from_db()
        assert signal.status == "PARTIAL"


class TestYes:
    def test_it_trades_and_who_and_why_is_stored(self, paper):
        signal = send(asking(paper))
        row = answer(True)
        signal.refresh_from_db()
        assert (row.status, row.answered_by, row.reason) == ("GIVEN", "alice", "looks good")
        assert (signal.status, Order.objects.get().status) == ("APPROVED", "FILLED")
        [decision] = factories.decisions(signal)
        [rule] = [rule for rule in decision.rules if rule["rule"] == "approval"]
        assert rule == {"rule": "approval", "verdict": "PASS", "value": "given by alice", "limit": "yes"}
        assert WorkItem.objects.get().state == "done"
        assert told("approval.given") == ["alice said yes: buy 0.01 BTC/USDT at 50000 on paper-1 (looks good)"]

    def test_all_rules_run_again(self, paper):
        signal = send(asking(paper))
        switch.set(scope="global", on=True, reason="test", by="bob", now=clock.now())
        answer(True)
        signal.refresh_from_db()
        assert (signal.status, Order.objects.count()) == ("REJECTED", 0)

    def test_age_is_counted_from_the_answer(self, paper):
        paper.prices = "simulated"
        paper.save()
        signal = send(asking(paper, max_age_seconds=60))
        long_ago = clock.now() - timedelta(seconds=200)
        Signal.objects.filter(pk=signal.pk).update(received_at=long_ago)
        Approval.objects.update(asked_at=long_ago, expires_at=long_ago + timedelta(seconds=300))
        answer(True)
        assert Order.objects.get().expires_at > clock.now() + timedelta(seconds=50)
        assert Order.objects.get().status == "FILLED"

    def test_the_price_of_then_counts(self, paper):
        signal = send(asking(paper))  # priced by the message, which is then too old
        long_ago = clock.now() - timedelta(seconds=200)
        Signal.objects.filter(pk=signal.pk).update(received_at=long_ago)
        answer(True)
        [decision] = factories.decisions(signal)
        assert [rule["rule"] for rule in decision.rules if rule["verdict"] != "PASS"] == ["price"]

    def test_only_the_first_answer_counts(self, paper):
        send(asking(paper))
        answer(True)
        with pytest.raises(Conflict, match="answered already: given by alice"):
            answer(False, by="bob")
        assert Order.objects.count() == 1


class TestNo:
    def test_it_is_stored_as_a_rejection(self, paper):
        signal = send(asking(paper, endpoints=[factories.endpoint()]))
        row = answer(False, reason="news at two")
        signal.refresh_from_db()
        assert (row.status, signal.status, Order.objects.count(), Delivery.objects.count()) == (
            "REFUSED", "REJECTED", 0, 0,
        )  # fmt: skip
        found = factories.decisions(signal)
        assert [(str(d.account or d.endpoint), d.outcome, d.reason, d.rules) for d in found] == [
            (slug, "REJECTED", "news at two",
             [{"rule": "approval", "verdict": "FAIL", "value": "refused by alice", "limit": "yes"}])
            for slug in ("paper-1", "vps-1")
        ]  # fmt: skip

    def test_nobody_answers(self, paper):
        signal = send(asking(paper))
        approvals.expire(now=clock.now() + timedelta(seconds=299))
        assert Approval.objects.get().status == "ASKED"
        approvals.expire(now=clock.now() + timedelta(seconds=301))
        signal.refresh_from_db()
        assert (Approval.objects.get().status, signal.status) == ("EXPIRED", "REJECTED")
        assert factories.decisions(signal)[0].reason == "nobody said yes within 300 s"

    def test_a_yes_that_comes_too_late_is_refused_and_stored(self, paper):
        signal = send(asking(paper))
        with pytest.raises(Refused, match="nobody had answered in time"):
            answer(True, after=300.5)
        signal.refresh_from_db()
        assert (Approval.objects.get().status, signal.status, Order.objects.count()) == ("EXPIRED", "REJECTED", 0)

    def test_a_newer_signal_of_the_lane_ends_it(self, paper):
        strategy = asking(paper)
        first = send(strategy)
        second = send(strategy, quantity=D(1), sender_id="2")
        assert [row.status for row in Approval.objects.order_by("pk")] == ["EXPIRED", "ASKED"]
        first.refresh_from_db()
        assert (first.status, second.status) == ("REJECTED", "PROCESSING")
        assert factories.decisions(first)[0].reason == "a newer signal on this symbol came before an answer"


class TestReversal:
    """A swap would go through a reversal in one signal; the paper swap is another slice's, so a scripted venue."""

    @pytest.fixture
    def long_now(self, db, swap):
        strategy = asking(swap, prices="message")
        send(strategy)
        answer(True)
        assert Position.objects.get(is_open=True).side == "long"
        return strategy

    def test_it_closes_at_once_and_opens_on_the_yes(self, long_now):
        signal = send(long_now, action="reverse")
        assert not Position.objects.filter(is_open=True).exists()
        [decision] = factories.decisions(signal)
        assert (decision.outcome, decision.intent) == ("APPROVED", "close")
        assert decision.reason == "closes at once; what it would open waits for a person's yes"
        answer(True)
        [position] = Position.objects.filter(is_open=True)
        assert (position.side, position.quantity) == ("short", D("0.01"))
        [decision] = factories.decisions(signal)
        assert (decision.outcome, decision.intent) == ("APPROVED", "close+open")
        assert sorted(Order.objects.filter(signal=signal).values_list("leg", "intent", "status")) == [
            (0, "close", "FILLED"), (10, "open", "FILLED"),
        ]  # fmt: skip

    def test_on_a_no_it_stays_closed(self, long_now):
        signal = send(long_now, action="reverse")
        answer(False)
        signal.refresh_from_db()
        assert signal.status == "APPROVED"
        assert not Position.objects.filter(is_open=True).exists()
        assert Order.objects.filter(signal=signal).count() == 1


@pytest.mark.django_db(transaction=True)
def test_of_many_answers_at_once_exactly_one_counts():
    send(asking(factories.account()))
    row = Approval.objects.get()
    said, begin = [], threading.Barrier(8)

    def say(number):
        begin.wait()
        try:
            approvals.answer(approval=row, yes=number % 2 == 0, by=f"p{number}", reason="", now=clock.now())
            said.append(number)
        except Conflict:
            pass
        finally:
            connection.close()

    people = [threading.Thread(target=say, args=(number,)) for number in range(8)]
    for person in people:
        person.start()
    for person in people:
        person.join()
    drain()
    row.refresh_from_db()
    assert len(said) == 1
    assert row.answered_by == f"p{said[0]}"
    assert Order.objects.count() == (1 if row.status == "GIVEN" else 0)
    assert Decision.objects.count() == 1
