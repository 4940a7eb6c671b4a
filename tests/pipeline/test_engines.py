"""Engine B and experiments from a stored signal to decisions and orders, on the real paper broker."""

from datetime import timedelta
from decimal import Decimal

import pytest

from relay.models import Delivery
from signals import trace, verdict
from signals.market import cache
from signals.market.bars import TIMEFRAMES, Bar, NoBars
from signals.models import AnalysisPlan, AnalysisRun, Decision, Order, Position, RoundTrip, Signal
from signals.pipeline.drain import drain
from signals.strategies.experiments import assign, read
from tests import factories
from tradeops.core import clock
from tradeops.core.ids import uuid7

D = Decimal
pytestmark = pytest.mark.django_db
# What is left of engine B for a test: one voice, by a hundred closes that the test gives.
ONE_VOICE = {
    "source": "hand", "trend": {"flat": 0}, "risk": {"max_volatility": 1, "max_adverse": 1000},
    **{name: {"weight": 0} for name in ("momentum", "volatility", "sentiment", "forecast")},
}  # fmt: skip
UP, DOWN = [100 + number for number in range(100)], [300 - number for number in range(100)]


class HandBars:
    """Closes from a list, each bar 1 high and low; or the reason why there are none."""

    given: object = UP
    asked: list = []

    def key(self, account):
        return None

    def bars(self, symbol, *, timeframe, count, account, now):
        self.asked.append((symbol, timeframe, count, account and account.slug))
        if isinstance(self.given, Exception):
            raise self.given
        step = TIMEFRAMES[timeframe]
        first = now - step * len(self.given)
        return [Bar(first + step * n, c, c + 1, c - 1, c) for n, c in enumerate(map(float, self.given))]


@pytest.fixture(autouse=True)
def hand(settings, monkeypatch):
    settings.BAR_SOURCES = {**settings.BAR_SOURCES, "hand": f"{__name__}.HandBars"}
    monkeypatch.setattr(HandBars, "given", UP)
    monkeypatch.setattr(HandBars, "asked", [])
    cache.forget()
    yield HandBars
    cache.forget()


@pytest.fixture
def paper():
    return factories.account("paper-1")


@pytest.fixture
def swap(venue):
    return factories.account("swap-1", broker="full", sandbox=True, market="swap")


def settled(signal):
    drain()
    signal.refresh_from_db()
    return signal


def engine_rule(decision):
    return next((rule for rule in decision.rules if rule["rule"] == "engine"), None)


def held():
    return [(row.side, row.quantity, row.variant) for row in Position.objects.filter(is_open=True)]


class TestEngineB:
    def test_what_the_agents_say_is_stored_with_the_decision(self, paper):
        strategy = factories.strategy(accounts=[paper], engine="B", agents=ONE_VOICE)
        [found] = factories.decisions(settled(factories.signal(strategy)))
        assert (found.engine, found.variant, found.shadow, found.outcome) == ("B", "", False, "APPROVED")
        assert [(one["agent"], one["view"], one["weight"]) for one in found.views] == [
            ("trend", "buy", "1"), ("momentum", "hold", "0"), ("volatility", "buy", "0"),
            ("sentiment", "abstain", "0"), ("forecast", "abstain", "0"), ("risk", "pass", "0"),
        ]  # fmt: skip
        # On a line that rises by 1 a bar EMA 12 is 5.5 behind and EMA 26 is 12.5; a range is 2: 7 / 2, sure from 2 on.
        assert found.views[0]["confidence"] == "1"
        assert found.views[0]["reason"] == "EMA 12 is +3.50 average true ranges from EMA 26"
        assert found.views[3]["reason"] == "no analysis of BTC/USDT in the last 7 days"
        assert engine_rule(found) == {"rule": "engine", "verdict": "PASS", "value": "1.0000", "limit": "0.2"}
        assert found.confidence == 1
        assert [row.status for row in Order.objects.all()] == ["FILLED"]
        assert HandBars.asked == [("BTC/USDT", "1h", 78, "paper-1")]

    def test_against_the_vote_nothing_is_opened(self, paper, hand):
        hand.given = DOWN
        strategy = factories.strategy(accounts=[paper], engine="B", agents=ONE_VOICE)
        signal = settled(factories.signal(strategy))
        [found] = factories.decisions(signal)
        assert (signal.status, found.outcome) == ("REJECTED", "REJECTED")
        assert found.reason == "the vote of 1 agent is -1.0000: it opens no long"
        assert engine_rule(found) == {"rule": "engine", "verdict": "FAIL", "value": "-1.0000", "limit": "0.2"}
        assert Order.objects.count() == 0

    def test_without_any_data_it_does_not_trade_and_says_what_is_missing(self, paper, hand):
        hand.given = NoBars("the venue is closed")
        strategy = factories.strategy(accounts=[paper], engine="B", agents={"source": "hand"})
        [found] = factories.decisions(settled(factories.signal(strategy)))
        assert found.outcome == "REJECTED"
        assert found.reason.startswith("no agent has a view; trend: the venue is closed; momentum: the venue is closed")
        assert {one["view"] for one in found.views} == {"abstain", "pass"}  # risk sees the quote
        assert found.confidence == 0
        assert Order.objects.count() == 0

    def test_a_close_is_not_put_to_the_vote(self, paper, hand):
        strategy = factories.strategy(accounts=[paper], engine="B", agents=ONE_VOICE)
        settled(factories.signal(strategy))
        hand.given, hand.asked[:] = NoBars("must not be asked"), []
        cache.forget()
        signal = settled(factories.signal(strategy, action="close"))
        [found] = factories.decisions(signal)
        assert (signal.status, found.intent, found.views, engine_rule(found)) == ("APPROVED", "close", [], None)
        assert held() == []
        assert hand.asked == []

    def test_what_a_reversal_closes_is_closed_whatever_the_agents_say(self, swap, hand):
        strategy = factories.strategy(accounts=[swap], engine="B", agents=ONE_VOICE)
        settled(factories.signal(strategy))
        assert [row[:2] for row in held()] == [("long", D("0.01"))]
        signal = settled(factories.signal(strategy, action="", market_position="short"))
        [found] = factories.decisions(signal)
        assert (found.outcome, found.intent) == ("APPROVED", "close")
        assert found.reason == "closes only: the vote of 1 agent is +1.0000: it opens no short"
        assert engine_rule(found)["verdict"] == "FAIL"
        assert held() == []

    def test_an_endpoint_gets_what_the_vote_lets_pass(self, hand):
        endpoint = factories.endpoint("vps-1")
        strategy = factories.strategy(endpoints=[endpoint], engine="B", agents=ONE_VOICE)
        first = settled(factories.signal(strategy))
        second = settled(factories.signal(strategy, action="sell"))
        third = settled(factories.signal(strategy, action="sell", prev_market_position="long"))
        assert [signal.status for signal in (first, second, third)] == ["APPROVED", "REJECTED", "APPROVED"]
        [told] = factories.decisions(second)
        assert (told.engine, len(told.views), engine_rule(told)["verdict"]) == ("B", 6, "FAIL")
        assert set(Delivery.objects.values_list("subject", flat=True)) == {first.public_id, third.public_id}
        assert hand.asked == [("BTC/USDT", "1h", 78, None)]

    def test_the_latest_analysis_speaks(self, paper):
        now = clock.now()
        told = {
            "success": True,
            "components": {
                "price_prediction": {
                    "model_used": "N-HITS", "predicted_price": 51000.0, "direction": "UP", "confidence": 0.9,
                },
                "sentiment_analysis": {"sentiment": "negative", "confidence": 0.5, "recommendation": "SELL"},
            },
        }  # fmt: skip
        plan = AnalysisPlan.objects.create(slug="premarket", symbols=["BTC/USDT"])
        for minutes, results in ((60, told), (30, {"success": False, "error": "no prices"})):
            AnalysisRun.objects.create(
                public_id=uuid7(), plan=plan, cause="demand", status="COMPLETED", trading_day=now.date(),
                requested_at=now, finished_at=now - timedelta(minutes=minutes),
                results={"trading_signals": {"BTC/USDT": results}},
            )  # fmt: skip
        strategy = factories.strategy(accounts=[paper], engine="B", agents={"source": "hand"})
        [found] = factories.decisions(settled(factories.signal(strategy)))
        assert [one for one in found.views if one["agent"] in ("sentiment", "forecast")] == [
            {"agent": "sentiment", "view": "sell", "confidence": "0.5", "weight": "1",
             "reason": "headlines are negative"},
            {"agent": "forecast", "view": "buy", "confidence": "0.8", "weight": "1",
             "reason": "N-HITS says up with 90% probability"},
        ]  # fmt: skip

    def test_engine_a_is_as_it_was(self, paper, hand):
        signal = settled(factories.signal(factories.strategy(accounts=[paper]), confidence=D("0.7")))
        [found] = factories.decisions(signal)
        assert (found.engine, found.variant, found.views, engine_rule(found)) == ("A", "", [], None)
        assert found.confidence == D("0.7")
        assert found.enrichment["session"] == "24h"
        assert hand.asked == []


def for_variant(strategy, variant, **alert):
    """A signal that the experiment gives to `variant`, as intake stores it."""
    experiment = read(strategy.slug, strategy.experiment)
    signal = factories.signal(strategy, **alert)
    while assign(experiment, signal=signal.public_id) != variant:
        signal.public_id = uuid7()
    signal.variants = {strategy.slug: variant}
    signal.save()
    return settled(signal)


class TestRoute:
    @pytest.fixture
    def strategy(self, paper):
        return factories.strategy(accounts=[paper], experiment={"A": 50, "B": 50}, agents=ONE_VOICE)

    @pytest.mark.parametrize(("variant", "filled"), [("A", 1), ("B", 0)])
    def test_the_chosen_engine_decides(self, strategy, hand, variant, filled):
        hand.given = DOWN  # only B minds
        [found] = factories.decisions(for_variant(strategy, variant))
        assert (found.engine, found.variant, found.shadow) == (variant, variant, False)
        assert len(found.views) == (6 if variant == "B" else 0)
        assert Order.objects.filter(status="FILLED").count() == filled
        assert held() == ([("long", D("0.01"), "A")] if filled else [])

    def test_who_entered_owns_the_position_until_it_is_flat(self, strategy, hand):
        for_variant(strategy, "B")
        assert held() == [("long", D("0.01"), "B")]
        # A later signal is A's by its own id; the position is not.
        again = for_variant(strategy, "A")
        [found] = factories.decisions(again)
        assert (found.engine, found.variant, again.variants) == ("B", "B", {"trend": "A"})
        assert found.outcome == "REJECTED"  # pyramiding, and B was asked
        assert len(found.views) == 6
        [left] = factories.decisions(for_variant(strategy, "A", action="close"))
        assert (left.engine, left.variant, left.outcome) == ("B", "B", "APPROVED")
        assert held() == []
        assert list(RoundTrip.objects.values_list("variant", "reason")) == [("B", "signal")]
        # Flat again: the next signal's own variant counts.
        hand.given = DOWN
        cache.forget()
        [free] = factories.decisions(for_variant(strategy, "A"))
        assert (free.engine, free.outcome) == ("A", "APPROVED")
        assert held() == [("long", D("0.01"), "A")]

    def test_a_signal_without_a_stored_variant_gets_the_same_one(self, strategy):
        for _ in range(6):
            signal = factories.signal(strategy)
            [found] = factories.decisions(settled(signal))
            assert found.variant == assign(read("trend", strategy.experiment), signal=signal.public_id)
            settled(factories.signal(strategy, action="close"))

    def test_endpoints_go_by_the_chosen_engine(self, hand):
        hand.given = DOWN
        strategy = factories.strategy(
            endpoints=[factories.endpoint("vps-1")], experiment={"A": 50, "B": 50}, agents=ONE_VOICE
        )
        taken, refused = for_variant(strategy, "A"), for_variant(strategy, "B")
        assert (taken.status, refused.status) == ("APPROVED", "REJECTED")
        assert [row.variant for row in (*factories.decisions(taken), *factories.decisions(refused))] == ["A", "B"]


class TestShadow:
    @pytest.fixture
    def strategy(self, paper):
        return factories.strategy(
            accounts=[paper, factories.account("paper-2")], endpoints=[factories.endpoint("vps-1")],
            experiment={"A": 50, "B": 50, "mode": "shadow"}, agents=ONE_VOICE,
        )  # fmt: skip

    def test_both_decide_and_only_a_trades(self, strategy, hand):
        hand.given = DOWN
        signal = settled(factories.signal(strategy))
        assert signal.status == "APPROVED"  # the shadow's no does not count
        found = [
            (row.account and row.account.slug, row.engine, row.variant, row.shadow, row.outcome)
            for row in factories.decisions(signal)
        ]
        assert found == [
            ("paper-1", "A", "A", False, "APPROVED"),
            ("paper-2", "A", "A", False, "APPROVED"),
            (None, "A", "A", False, "APPROVED"),
            ("paper-1", "B", "B", True, "REJECTED"),
            ("paper-2", "B", "B", True, "REJECTED"),
        ]
        assert [order.decision.shadow for order in Order.objects.select_related("decision")] == [False, False]
        assert held() == [("long", D("0.01"), "A"), ("long", D("0.01"), "A")]

    def test_a_shadows_yes_counts_neither_and_makes_nothing(self, strategy):
        factories.limit("max_order_notional", "1")
        signal = settled(factories.signal(strategy, market="spot"))
        shadows = Decision.objects.filter(signal=signal, shadow=True)
        assert {row.outcome for row in shadows} == {"REJECTED"}
        assert engine_rule(shadows[0])["verdict"] == "PASS"
        assert signal.status == "PARTIAL"  # the endpoint took it, no account did
        assert Order.objects.count() == 0

    def test_a_shadow_takes_no_room(self, strategy):
        factories.limit("max_open_positions", 2)
        signal = settled(factories.signal(strategy))
        assert signal.status == "APPROVED"
        assert {row.outcome for row in Decision.objects.filter(signal=signal)} == {"APPROVED"}
        assert len(held()) == 2

    def test_a_shadow_halts_no_strategy(self, strategy):
        factories.limit("max_orders_per_minute", 3)
        settled(factories.signal(strategy))
        signal = settled(factories.signal(strategy, action="close"))
        assert signal.status == "APPROVED"
        assert held() == []

    def test_the_trace_and_its_words_tell_them_apart(self, strategy, hand):
        hand.given = DOWN
        found = trace.of(settled(factories.signal(strategy)).public_id)
        assert [(one["account"], one["engine"], one["variant"], one["shadow"]) for one in found["decisions"]] == [
            ("paper-1", "A", "A", False), ("paper-2", "A", "A", False), (None, "A", "A", False),
            ("paper-1", "B", "B", True), ("paper-2", "B", "B", True),
        ]  # fmt: skip
        assert found["decisions"][3]["views"][0]["view"] == "sell"
        assert found["decisions"][3]["confidence"] == "1"
        said = [one["detail"] for one in found["timeline"] if one["stage"] == "decided"]
        assert said[0] == "paper-1: APPROVED, all rules passed"
        assert said[3] == "paper-1: B in its shadow: REJECTED, the vote of 1 agent is -1.0000: it opens no long"
        assert "opens no long" not in verdict.why(found)
        assert verdict.why(found).startswith("It traded: buy BTC/USDT filled on paper-1 and paper-2")


def test_a_strategy_whose_agents_cannot_be_read_fails_loudly_and_trades_nothing(paper):
    strategy = factories.strategy(accounts=[paper], engine="B", agents={"trend": {"fast": 0}})
    signal = factories.signal(strategy)
    drain()
    assert Decision.objects.count() == 0
    assert Order.objects.count() == 0
    assert "agents.trend.fast: use a number from 1 to 500" in Signal.objects.get(pk=signal.pk).work.get().error
