"""Each agent at its edges, on bars made by hand: the numbers are worked out in the comments."""

from datetime import timedelta
from decimal import Decimal

import pytest

from signals.engines import indicators, settings
from signals.engines.agents.base import ABSTAIN, BUY, HOLD, PASS, SELL, VETO, Answer
from signals.engines.indicators import NoNumber
from signals.market.bars import Bar
from tests.factories import NOW, quote

from .hands import analysis, bars, evidence, holding

D = Decimal


def look(name, given=None, **seen):
    chosen = next(one for one in settings.read({name: given or {}}).agents if one.name == name)
    return chosen.agent.look(evidence(**seen), chosen.given)


class TestIndicators:
    def test_an_average_begins_with_a_mean_and_follows(self):
        # EMA 3: mean(1, 2, 3) = 2; then 2 + (6 - 2) / 2 = 4
        assert indicators.ema(bars(1, 2, 3, 6).rows, period=3) == 4.0

    def test_the_true_range_counts_the_gap(self):
        # ranges 2; the jump from 10 to 20 with a spread of 1 is 21 - 10 = 11
        assert indicators.atr(bars(10, 10, 20, spread=1).rows, period=2) == (2 + 11) / 2

    def test_deviations(self):
        # of 1, 2, 3: mean 2, standard deviation √(2/3)
        assert indicators.deviations(bars(1, 2, 3).rows, period=3) == pytest.approx(1 / (2 / 3) ** 0.5, abs=1e-9)
        assert indicators.deviations(bars(0.1, 0.1, 0.1, 0.1).rows, period=4) == 0.0

    @pytest.mark.parametrize(
        ("measure", "least"),
        [(indicators.ema, 3), (indicators.atr, 4), (indicators.rsi, 4), (indicators.deviations, 3)],
    )
    def test_one_bar_too_few_is_no_number(self, measure, least):
        assert isinstance(measure(bars(*range(1, least + 1)).rows, period=3), float)
        with pytest.raises(NoNumber, match=f"^{least - 1} bars, {least} are needed$"):
            measure(bars(*range(1, least)).rows, period=3)
        with pytest.raises(NoNumber, match=f"^0 bars, {least} are needed$"):
            measure((), period=3)

    @pytest.mark.parametrize("measure", [indicators.ema, indicators.atr, indicators.rsi, indicators.deviations])
    @pytest.mark.parametrize("price", [float("nan"), float("inf")])
    def test_a_bar_without_a_price_is_no_number(self, measure, price):
        rows = (*bars(1, 2, 3, 4).rows, Bar(NOW, price, price, price, price))
        with pytest.raises(NoNumber, match=r"^a bar has no price$"):
            measure(rows, period=3)


class TestTrend:
    # EMA 1 of 10, 10, 12 is 12, EMA 2 is 10 + (12 - 10) · 2/3 = 11.3333…; ATR 1 of the last bar is 12 - 10 = 2,
    # so the gap is a third of a range.
    RISING = {"fast": 1, "slow": 2, "atr": 1, "flat": "0.1", "full": "2"}

    def test_up_and_down(self):
        said = look("trend", self.RISING, bars=bars(10, 10, 12))
        assert said == Answer(BUY, D("0.1667"), "EMA 1 is +0.33 average true ranges from EMA 2")
        said = look("trend", self.RISING, bars=bars(10, 10, 8))
        assert said == Answer(SELL, D("0.1667"), "EMA 1 is -0.33 average true ranges from EMA 2")

    def test_it_is_as_sure_as_can_be_from_full_on(self):
        assert look("trend", {**self.RISING, "full": "0.2"}, bars=bars(10, 10, 12)).confidence == D("1.0000")

    def test_within_flat_there_is_no_trend(self):
        assert look("trend", {**self.RISING, "flat": "0.34"}, bars=bars(10, 10, 12)).view == HOLD
        assert look("trend", {**self.RISING, "flat": "0.33"}, bars=bars(10, 10, 12)).view == BUY

    def test_where_nothing_moved(self):
        assert look("trend", self.RISING, bars=bars(10, 10, 10)) == Answer(HOLD, D("0.0000"), "nothing moved")

    def test_without_bars_it_abstains_with_the_reason(self):
        assert look("trend") == Answer(ABSTAIN, None, "no bars")

    def test_it_asks_for_three_times_its_longest_average(self):
        assert settings.read({}).agents[0].bars == 78


class TestMomentum:
    # RSI 2 (Wilder) of 10, 11, 10.5: gains 1, losses 0.5 over two → 100 · 1 / 1.5 = 66.67
    def test_above_and_below_the_band(self):
        said = look("momentum", {"period": 2}, bars=bars(10, 11, "10.5"))
        assert said == Answer(BUY, D("0.3333"), "RSI 2 is 66.7")
        said = look("momentum", {"period": 2}, bars=bars(10, 9, "9.5"))
        assert said == Answer(SELL, D("0.3333"), "RSI 2 is 33.3")

    def test_in_the_band_it_holds(self):
        assert look("momentum", {"period": 2, "band": "16.6"}, bars=bars(10, 11, "10.5")).view == BUY
        assert look("momentum", {"period": 2, "band": "16.7"}, bars=bars(10, 11, "10.5")).view == HOLD

    def test_what_has_gone_too_far_is_not_followed(self):
        said = look("momentum", {"period": 2}, bars=bars(10, 11, 12))
        assert said == Answer(HOLD, D("0.0000"), "RSI 2 is 100.0: overbought")
        said = look("momentum", {"period": 2}, bars=bars(12, 11, 10))
        assert said == Answer(HOLD, D("0.0000"), "RSI 2 is 0.0: oversold")

    def test_a_price_that_stands_still_is_no_sell(self):
        assert look("momentum", {"period": 2}, bars=bars(10, 10, 10)) == Answer(HOLD, D("0.0000"), "nothing moved")

    def test_without_bars_it_abstains(self):
        assert look("momentum", bars_problem="venue gives no bars") == Answer(ABSTAIN, None, "venue gives no bars")


class TestVolatility:
    # 10, 10, 13: mean 11, standard deviation √2 → the close is 2 / √2 = 1.414 above; ATR 2 is 1.5 = 11.5 % of 13
    CALM = {"period": 3, "wild": "1"}

    def test_a_breakout(self):
        said = look("volatility", self.CALM, bars=bars(10, 10, 13))
        assert said == Answer(BUY, D("0.4714"), "the close is +1.41 standard deviations from the mean of 3")
        assert look("volatility", self.CALM, bars=bars(13, 13, 10)).view == SELL

    def test_as_usual(self):
        assert look("volatility", {**self.CALM, "breakout": "1.41"}, bars=bars(10, 10, 13)).view == BUY
        assert look("volatility", {**self.CALM, "breakout": "1.42"}, bars=bars(10, 10, 13)).view == HOLD

    def test_too_wild_to_tell(self):
        assert look("volatility", {"period": 3, "wild": "0.1154"}, bars=bars(10, 10, 13)).view == BUY
        said = look("volatility", {"period": 3, "wild": "0.1153"}, bars=bars(10, 10, 13))
        assert said == Answer(HOLD, D("0.0000"), "a bar moves 11.54%: too wild to tell")


class TestSentiment:
    @pytest.mark.parametrize(
        ("label", "view", "sure"),
        [("positive", BUY, D("0.6000")), ("negative", SELL, D("0.6000")), ("neutral", HOLD, D("0.0000"))],
    )
    def test_the_label_decides(self, label, view, sure):
        said = look("sentiment", analysis=analysis(sentiment=label))
        assert said == Answer(view, sure, f"headlines are {label}")

    def test_no_headlines_is_no_view(self):
        said = look("sentiment", analysis=analysis(sentiment="", sentiment_confidence=0.0))
        assert said == Answer(ABSTAIN, None, "the analysis read no headlines")

    def test_its_age_limit(self):
        old = analysis(made_at=NOW - timedelta(hours=24))
        assert look("sentiment", analysis=old).view == BUY
        old = analysis(made_at=NOW - timedelta(hours=24, seconds=360))
        assert look("sentiment", analysis=old) == Answer(
            ABSTAIN, None, "the analysis is 24.1 hours old, 24 are allowed"
        )
        assert look("sentiment", {"max_age_hours": "25"}, analysis=old).view == BUY

    def test_without_an_analysis(self):
        assert look("sentiment") == Answer(ABSTAIN, None, "no analysis")


class TestForecast:
    @pytest.mark.parametrize(
        ("direction", "probability", "view", "sure"),
        [
            ("UP", 0.75, BUY, D("0.5000")),
            ("DOWN", 0.75, SELL, D("0.5000")),
            ("UP", 0.5, HOLD, D("0.0000")),
            ("UP", 1.0, BUY, D("1.0000")),
        ],
    )
    def test_a_probability_counts_by_how_far_it_is_from_a_coins(self, direction, probability, view, sure):
        said = look("forecast", analysis=analysis(direction=direction, probability=probability))
        assert (said.view, said.confidence) == (view, sure)

    def test_it_says_which_model(self):
        assert look("forecast", analysis=analysis()).reason == "Statistical says up with 75% probability"

    def test_old_or_missing(self):
        assert look("forecast", {"max_age_hours": "0.5"}, analysis=analysis()).view == ABSTAIN
        assert look("forecast", analysis_problem="no analysis of X") == Answer(ABSTAIN, None, "no analysis of X")


class TestRisk:
    def test_the_spread_at_its_limit(self):
        given = {"max_spread": "0.001"}  # 50 of 50,000
        assert look("risk", given, quote=quote("50000", spread="50")) == Answer(PASS, None, "the spread is 0.100%")
        said = look("risk", given, quote=quote("50000", spread="50.02"))
        assert (said.view, said.vetoes) == (VETO, ("long", "short"))
        assert said.reason == "the spread is 0.100%, 0.100% is allowed"

    def test_a_wild_market(self):
        rows = bars(10, 10, 13)  # ATR 2 is 1.5, 11.538 % of 13
        assert look("risk", {"atr": 2, "max_volatility": "0.1154"}, bars=rows).view == PASS
        assert look("risk", {"atr": 2, "max_volatility": "0.1153"}, bars=rows).vetoes == ("long", "short")

    def test_adding_to_what_runs_against_itself(self):
        given = {"atr": 1, "max_volatility": "1", "max_adverse": "3"}
        seen = {"bars": bars(100, 99), "quote": quote("97")}  # one range is 1
        assert look("risk", given, **seen, held=holding("long", "100")).view == PASS
        said = look("risk", given, **seen, held=holding("long", "100.1"))
        assert (said.view, said.vetoes) == (VETO, ("long",))
        assert said.reason == "the long position is 3.1 average true ranges under water, 3 are allowed"
        assert look("risk", given, **seen, held=holding("short", "93.9")).vetoes == ("short",)
        assert look("risk", given, **seen, held=holding("short", "94")).view == PASS

    def test_it_checks_what_there_is(self):
        assert look("risk", quote=quote("50000", spread="50")).reason == "the spread is 0.100%"
        assert look("risk", quote=quote(), bars=bars(1, 2)).reason == "the spread is 0.000%"

    def test_with_nothing_to_see_it_abstains(self):
        assert look("risk") == Answer(ABSTAIN, None, "no price; no bars")
