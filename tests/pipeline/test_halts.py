"""A strategy that loops is halted at its limit, with one alert, until a person lets it go on (D3)."""

from datetime import timedelta

import pytest

from relay.models import AlarmEvent, Delivery, Message
from signals.models import Decision, Order, Position, RiskScope, RoundTrip, Signal
from signals.pipeline.drain import drain
from signals.risk import facts, halts
from tests import factories
from tradeops.core import clock

pytestmark = pytest.mark.django_db


def send(strategy, **alert):
    signal = factories.signal(strategy, **alert)
    drain()
    signal.refresh_from_db()
    return signal


def drain_all():
    """However often a drain's time is over before."""
    while Signal.objects.filter(status__in=["RECEIVED", "PROCESSING"]).exists():
        drain()


def told(name):
    return list(Message.objects.filter(event=name).order_by("pk").values_list("level", "title"))


@pytest.fixture
def looping():
    """Adds to its position as often as it is told, however long a busy machine takes over that."""
    return factories.strategy(
        accounts=[factories.account()], endpoints=[factories.endpoint()], pyramiding=1000, target_size="direction",
        max_age_seconds=3600,
    )  # fmt: skip


def test_it_is_halted_at_its_limit_with_one_alert(looping):
    factories.limit("max_orders_per_minute", "5", scope="strategy", key="trend")
    for number in range(60):
        factories.signal(looping, sender_id=str(number))
    drain_all()
    assert Order.objects.count() == 5
    assert list(Signal.objects.order_by("pk").values_list("status", flat=True)) == ["APPROVED"] * 5 + ["REJECTED"] * 55
    row = RiskScope.objects.get(scope="strategy", key="trend")
    assert (row.halted_at is not None, row.halted_reason) == (True, "6 orders within a minute, the limit is 5")
    assert told("strategy.halted") == [(
        "critical",
        "trend is halted: 6 orders within a minute, the limit is 5. It opens nothing until a person lets it go on",
    )]  # fmt: skip
    assert AlarmEvent.objects.count() == 1
    # The one that was over it is a warning; what follows is known already.
    assert [level for level, _ in told("signal.rejected")] == ["info"] * 55
    assert Delivery.objects.count() == 5  # its endpoints are spared from that very signal on


@pytest.mark.timeout(600)
def test_a_thousand_signals_within_a_minute_make_as_many_orders_as_the_limit_and_one_alert(looping):
    factories.limit("max_orders_per_minute", "20", scope="strategy", key="trend")
    for number in range(1000):
        factories.signal(looping, sender_id=str(number), action="close" if number == 500 else "buy")
    drain_all()
    assert list(Order.objects.order_by("pk").values_list("intent", "status")) == [("open", "FILLED")] * 20 + [
        ("close", "FILLED")
    ]
    assert not Position.objects.filter(is_open=True).exists()  # the exit passed, and nothing was opened after it
    assert Signal.objects.filter(status="APPROVED").count() == 21
    assert Signal.objects.filter(status="REJECTED").count() == 979
    assert [level for level, _ in told("strategy.halted")] == ["critical"]
    assert AlarmEvent.objects.count() == 1
    assert not Message.objects.filter(level="critical").exclude(event="strategy.halted").exists()


def test_exits_pass_and_it_goes_on_when_a_person_says_so(looping):
    factories.limit("max_orders_per_minute", "1")
    send(looping)
    assert send(looping, sender_id="2").status == "REJECTED"
    assert send(looping, action="close").status == "APPROVED"
    assert not Position.objects.filter(is_open=True).exists()
    Order.objects.update(created_at=clock.now() - timedelta(seconds=61))
    rejected = send(looping, sender_id="3")
    failed = [rule["rule"] for rule in factories.decisions(rejected)[0].rules if rule["verdict"] != "PASS"]
    assert failed == ["halted"]  # the minute is over, and it is halted all the same
    assert halts.resume(strategy="trend", reason="fixed", by="alice", now=clock.now())
    assert send(looping, sender_id="4").status == "APPROVED"
    assert told("strategy.resumed") == [("warning", "trend goes on, by alice: fixed")]
    assert not halts.resume(strategy="trend", reason="", by="alice", now=clock.now())
    assert len(told("strategy.resumed")) == 1


def test_other_strategies_are_not_halted_with_it(looping):
    factories.limit("max_orders_per_minute", "1")
    other = factories.strategy("other", accounts=list(looping.accounts.all()))
    send(looping)
    send(looping, sender_id="2")
    assert send(other).status == "APPROVED"
    assert list(RiskScope.objects.exclude(halted_at=None).values_list("key", flat=True)) == ["trend"]


def test_a_strategy_that_only_relays_is_halted_too():
    relaying = factories.strategy(endpoints=[factories.endpoint()])
    assert send(relaying).status == "APPROVED"
    RiskScope.objects.update_or_create(
        scope="strategy", key="trend", defaults={"halted_at": clock.now(), "halted_reason": "test"}
    )
    assert send(relaying, sender_id="2").status == "REJECTED"
    assert send(relaying, action="close").status == "APPROVED"
    assert Delivery.objects.count() == 2


class TestFacts:
    """What is read beside the book: only where a limit asks, and of the last minute only."""

    def read(self, strategy):
        return facts.read(strategy=strategy, accounts=list(strategy.accounts.all()), now=clock.now())

    def test_nothing_is_read_without_a_limit(self, looping, django_assert_num_queries):
        self.read(looping)
        with django_assert_num_queries(1):  # the accounts, by the test itself
            assert self.read(looping) == facts.NOTHING

    def test_orders_of_the_last_minute_by_account(self, looping):
        factories.limit("max_orders_per_minute", "100")
        [account] = looping.accounts.all()
        second = factories.account("paper-2")
        for number, (on, ago) in enumerate([(account, 1), (account, 59), (account, 61), (second, 5)]):
            factories.order(on, looping, number=number, now=clock.now() - timedelta(seconds=ago))
        factories.order(account, factories.strategy("other"), number=9)
        assert self.read(looping).orders == {account.pk: 2, second.pk: 1}

    def test_the_last_loss_counts_fees_and_funding(self, looping):
        factories.limit("cooldown_after_loss", "600")
        [account] = looping.accounts.all()
        now = clock.now()
        for pnl, fees, funding, ago in ((5, 1, 1, 10), (5, 3, 3, 30), (-5, 0, 0, 60), (-5, 0, 0, 700)):
            RoundTrip.objects.create(
                strategy=looping, account=account, symbol="BTC/USDT", side="long", realised_pnl=pnl, fees=fees,
                funding=funding, opened_at=now - timedelta(hours=1), closed_at=now - timedelta(seconds=ago),
            )  # fmt: skip
        assert self.read(looping).losses == {account.pk: now - timedelta(seconds=30)}

    @pytest.fixture
    def many(self):
        """A strategy on 250 accounts."""
        found = [factories.account(f"paper-{number}") for number in range(250)]
        return factories.strategy("many", accounts=found), found

    def trips(self, strategy, ended):
        """Round trips by (account, seconds ago, what was made)."""
        now = clock.now()
        RoundTrip.objects.bulk_create(
            RoundTrip(
                strategy=strategy, account=account, symbol="BTC/USDT", side="long", realised_pnl=pnl,
                opened_at=now - timedelta(days=1), closed_at=now - timedelta(seconds=ago),
            )
            for account, ago, pnl in ended
        )  # fmt: skip

    def test_the_loss_of_every_account_is_known_however_many_there_are(self, many, django_assert_num_queries):
        strategy, accounts = many
        factories.limit("cooldown_after_loss", "3600")
        self.trips(strategy, [(account, 60 + number / 10, -5) for number, account in enumerate(accounts)])
        # What won since hides no loss, nor does an account that nothing is decided for.
        self.trips(strategy, [(account, 10, 5) for account in accounts])
        self.trips(strategy, [(factories.account("elsewhere"), 1, 5)] * 300)
        self.read(strategy)
        with django_assert_num_queries(2):  # the accounts, by the test itself
            found = self.read(strategy)
        assert found.losses.keys() == {account.pk for account in accounts}
        assert not found.losses_unknown

    def test_an_account_whose_past_is_too_long_to_be_read_is_not_taken_for_one_without_a_loss(self, looping):
        """So many won since that what was before them is not read."""
        [first] = looping.accounts.all()
        second = factories.account("paper-2")
        looping.accounts.add(second)
        factories.limit("cooldown_after_loss", "86400", scope="account", key="paper-1")
        factories.limit("cooldown_after_loss", "60", scope="account", key="paper-2")  # that much was read
        self.trips(looping, [*((first, 100 + number / 1000, 5) for number in range(400)), (first, 200, -5)])
        found = self.read(looping)
        assert (found.losses, found.losses_unknown) == ({}, {first.pk})
        signal = send(looping)
        assert {(row.account.slug, row.outcome, row.reason) for row in factories.decisions(signal) if row.account} == {
            ("paper-1", "REJECTED", "cooldown_after_loss could not tell: when the last loss was is not known"),
            ("paper-2", "APPROVED", "all rules passed"),
        }
        RoundTrip.objects.filter(realised_pnl=5).delete()
        found = self.read(looping)
        assert (found.losses.keys(), found.losses_unknown) == ({first.pk}, frozenset())

    def test_a_cooldown_holds_entries_back_and_no_exit(self, looping):
        factories.limit("cooldown_after_loss", "600")
        [account] = looping.accounts.all()
        send(looping)
        RoundTrip.objects.create(
            strategy=looping, account=account, symbol="ETH/USDT", side="long", realised_pnl=-1,
            opened_at=clock.now(), closed_at=clock.now(),
        )  # fmt: skip
        rejected = send(looping, sender_id="2")
        assert rejected.status == "PARTIAL"  # an endpoint tells nobody what it lost: the rule does not bind it (L2)
        decision = Decision.objects.get(signal=rejected, account=account)
        assert (decision.outcome, decision.reason[:22]) == ("REJECTED", "the last loss was 0 s ")
        assert send(looping, action="close").status == "APPROVED"
