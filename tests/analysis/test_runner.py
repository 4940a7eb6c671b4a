"""A run from prices to results: what it says, what it survives, and that half of it is never seen (A2–A6)."""

from datetime import time

import jsonschema
import pytest

from relay.models import Message
from signals.analysis import results, runner, runs
from signals.forecast import modelscope
from signals.forecast.base import Learnt, Prediction
from signals.forecast.neural import NeuralForecasts
from signals.market.history import yahoo as yahoo_source
from signals.market.history.simulated import SimulatedHistory
from signals.models import AnalysisPlan, AnalysisRun, Decision, Forecast, Signal
from signals.pipeline.drain import drain
from signals.sentiment import http
from tests import factories
from tests.fakes.asked import running_service
from tests.fakes.candles import running_exchange
from tests.fakes.yahoo import running_yahoo
from tradeops.core import clock

from .conftest import SYMBOLS
from .schema import RESULTS

pytestmark = pytest.mark.django_db
Cause = AnalysisRun.Cause


@pytest.fixture
def yahoo(settings):
    with running_yahoo() as running:
        settings.YAHOO_URL = running.url
        yield running


def run(plan, progress=None):
    begun = runs.begin(plan, cause=Cause.DEMAND, now=clock.now())
    assert runner.execute(begun, **({"progress": progress} if progress else {}))
    begun.refresh_from_db()
    return begun


def told(name):
    return list(Message.objects.filter(event=name).values_list("level", "title"))


class Sure:
    """A provider that is sure of itself, so that there is something to do."""

    models = ("Statistical",)

    def predict(self, closes, *, horizon):
        return {
            symbol: Prediction(
                model="Statistical", price=values[-1] * 1.05, low=values[-1] * 1.01, high=values[-1] * 1.09,
                direction="UP", confidence=0.97,
            )
            for symbol, values in closes.items()
        }  # fmt: skip


@pytest.fixture
def sure(settings):
    settings.FORECASTS = {**settings.FORECASTS, "statistical": f"{__name__}.Sure"}


def test_five_symbols_of_yahoo_by_the_statistical_model(yahoo, plan):
    plan.data = "yahoo"
    plan.save()
    yahoo.headlines["AAPL"] = ["Apple beats estimates", "Shares surge to a record"]
    seen = []
    done = run(plan, progress=lambda *what: seen.append(what))
    assert (done.status, done.error) == ("COMPLETED", "")
    jsonschema.validate(done.results, RESULTS)
    assert done.results["symbols_analyzed"] == SYMBOLS
    assert done.results["performance_metrics"]["success_rate"] == 1.0
    assert sum(done.results["performance_metrics"]["signal_distribution"].values()) == 5
    apple = done.results["trading_signals"]["AAPL"]
    assert apple["components"]["price_prediction"]["model_used"] == "Statistical"
    assert apple["components"]["sentiment_analysis"]["sentiment"] == "positive"
    assert "2 headlines are positive" in apple["reasoning"]
    assert seen[0] == (0, 5, "prices of AAPL")
    assert Forecast.objects.filter(run=done, model="Statistical").count() == 5
    assert Forecast.objects.filter(run=done, model="Combined").count() == 5
    assert told("analysis.completed") == [("info", "Analysis premarket: 5 of 5 symbols")]
    assert told("analysis.trouble") == []
    assert not Signal.objects.exists()  # no strategy is fed


@pytest.mark.parametrize("manner", ["garbage", "nan", "unknown", "empty", "down"])
def test_a_symbol_without_prices_is_named_and_the_others_go_on(yahoo, plan, manner):
    plan.data = "yahoo"
    plan.save()
    yahoo.manner["TSLA"] = manner
    done = run(plan)
    jsonschema.validate(done.results, RESULTS)
    assert done.status == "COMPLETED"
    signal = done.results["trading_signals"]["TSLA"]
    assert signal["success"] is False
    assert signal["error"].startswith("yahoo: TSLA: ")
    assert done.results["performance_metrics"]["success_rate"] == 0.8
    assert [alert["symbol"] for alert in done.results["alerts"]] == ["TSLA"]
    [(level, title)] = told("analysis.trouble")  # once
    assert level == "warning"
    assert title.startswith("Analysis premarket had trouble: TSLA: yahoo: TSLA:")


def test_a_source_that_fails_is_reported_and_the_next_is_asked(yahoo, plan):
    plan.data = "yahoo,simulated"
    plan.save()
    yahoo.manner = dict.fromkeys(SYMBOLS, "down")
    done = run(plan)
    assert done.results["performance_metrics"]["success_rate"] == 1.0
    assert done.error.startswith("yahoo: AAPL: ")
    assert len(told("analysis.trouble")) == 1


def test_a_source_that_answers_too_late_is_named(yahoo, plan, monkeypatch):
    monkeypatch.setattr(yahoo_source, "TIMEOUT_SECONDS", 0.3)
    plan.data = "yahoo"
    plan.save()
    yahoo.manner["TSLA"] = "slow"
    done = run(plan)
    jsonschema.validate(done.results, RESULTS)
    assert done.results["trading_signals"]["TSLA"]["error"].startswith("yahoo: TSLA: Yahoo gives no prices: ")
    assert done.results["performance_metrics"]["success_rate"] == 0.8
    assert len(told("analysis.trouble")) == 1


def test_what_there_is_no_time_left_for_is_named(yahoo, plan, monkeypatch):
    monkeypatch.setattr(runner, "READ_SECONDS", 0.3)
    plan.data = "yahoo"
    plan.save()
    yahoo.manner["AAPL"] = "slow"
    done = run(plan)
    signals = done.results["trading_signals"]
    assert signals["AAPL"]["success"]
    assert {signals[symbol]["error"] for symbol in SYMBOLS[1:]} == {
        "its prices were not asked for: those before it took 0 s"
    }
    assert {path.rpartition("/")[2] for path in yahoo.asked if "/chart/" in path} == {"AAPL"}
    assert len(told("analysis.trouble")) == 1


@pytest.mark.parametrize("manner", ["down", "garbage", "page", "nan", "empty", "refused", "nonsense"])
def test_an_exchange_that_fails_for_one_symbol(plan, manner):
    with running_exchange() as exchange:
        exchange.manner["ETH-USDT"] = manner
        plan.data, plan.symbols = f"venue:okx@{exchange.url}", ["BTC/USDT", "ETH/USDT", "XYZ/USDT"]
        plan.save()
        done = run(plan)
    jsonschema.validate(done.results, RESULTS)
    signals = done.results["trading_signals"]
    assert [signals[symbol]["success"] for symbol in plan.symbols] == [True, False, False]
    assert f"{plan.data}: ETH/USDT: " in signals["ETH/USDT"]["error"]
    assert "okx has no such symbol" in signals["XYZ/USDT"]["error"]
    assert len(told("analysis.trouble")) == 1


@pytest.mark.parametrize("manner", ["hang", "drip", "reset", "garbage", 503])
def test_models_of_ones_own_that_fail_are_named_once_and_others_answer(yahoo, plan, settings, monkeypatch, manner):
    monkeypatch.setattr(http, "TIMEOUT_SECONDS", 0.2)
    monkeypatch.setattr(modelscope, "TIMEOUT_SECONDS", 0.2)
    monkeypatch.setattr(modelscope, "PAUSE_SECONDS", 0.0)
    plan.data, plan.provider = "yahoo", "modelscope"
    plan.save()
    yahoo.headlines = {symbol: ["Shares surge to a record"] for symbol in SYMBOLS}
    with running_service() as service:
        settings.SENTIMENT_URL = settings.MODELSCOPE_URL = service.url
        settings.MODELSCOPE_API_TOKEN = "a-token-of-this-run"
        service.manner = manner
        done = run(plan)
        assert [body for body in service.asked if "texts" in body] == [{"texts": ["Shares surge to a record"]}]
    jsonschema.validate(done.results, RESULTS)
    predictions = [each["components"]["price_prediction"] for each in done.results["trading_signals"].values()]
    assert {each["model_used"] for each in predictions} == {"Statistical"}
    messages = [alert["message"] for alert in done.results["alerts"] if alert["level"] == "warning"]
    assert [message.split()[0:3] for message in messages] == [
        ["the", "sentiment", "model"],
        ["ModelScope:", "the", "service" if manner != "garbage" else "service's"],
    ]
    assert len(told("analysis.trouble")) == 1


def test_an_odd_headline_costs_nobody_the_run(yahoo, plan):
    plan.data = "yahoo"
    plan.save()
    yahoo.headlines = {"AAPL": [{"content": None}, "Shares surge to a record"], "TSLA": [{"content": "text"}]}
    done = run(plan)
    assert (done.status, done.error) == ("COMPLETED", "")
    assert "1 headlines are positive" in done.results["trading_signals"]["AAPL"]["reasoning"]


class Falling(SimulatedHistory):
    """A source with a bug, which each symbol meets at another place."""

    def bars(self, symbol, *, days, now):
        found = super().bars(symbol, days=days, now=now)
        if symbol == "TSLA":
            raise AttributeError("'NoneType' object has no attribute 'get'")
        return (None for _ in found) if symbol == "MSFT" else found  # it falls over when it is read

    def headlines(self, symbol, *, now):
        if symbol == "AAPL":
            raise KeyError("content")
        return [None] if symbol == "GOOGL" else []


def test_a_source_that_falls_over_is_the_trouble_of_its_symbol(settings, plan):
    settings.HISTORY_SOURCES = {**settings.HISTORY_SOURCES, "falling": f"{__name__}.Falling"}
    plan.data = "falling"
    plan.save()
    done = run(plan)
    jsonschema.validate(done.results, RESULTS)
    assert done.status == "COMPLETED"
    signals = done.results["trading_signals"]
    assert [signals[symbol]["success"] for symbol in SYMBOLS] == [True, False, False, True, True]
    assert signals["TSLA"]["error"] == "falling: TSLA: AttributeError: 'NoneType' object has no attribute 'get'"
    assert signals["MSFT"]["error"].startswith("falling: MSFT: AttributeError: 'NoneType' object has no attribute")
    said = [alert["message"] for alert in done.results["alerts"] if alert["level"] == "warning"]
    assert [one.split(":")[0] for one in said] == ["AAPL", "GOOGL"]
    assert said[0] == "AAPL: KeyError: 'content'"
    assert told("analysis.failed") == []
    assert len(told("analysis.trouble")) == 1


def test_networks_answer_by_their_names_and_a_failed_one_is_named(plan, settings):
    settings.FORECASTS = {**settings.FORECASTS, "neural": f"{__name__}.half_a_network"}
    plan.provider = "neural"
    plan.save()
    done = run(plan)
    jsonschema.validate(done.results, RESULTS)
    signals = done.results["trading_signals"]
    models = [signals[symbol]["components"]["price_prediction"]["model_used"] for symbol in SYMBOLS]
    assert models == ["TFT-Primary", "N-HITS", "N-HITS", "N-HITS", "Statistical"]
    assert done.error == "TFT-Primary: it left the symbol out; N-HITS: it left the symbol out"
    assert set(Forecast.objects.values_list("model", flat=True)) == {"TFT-Primary", "N-HITS", "Statistical", "Combined"}


def half_a_network():
    """TFT knows the first symbol, N-HITS all but the last."""

    def learn(model, closes, *, horizon, seconds):
        known = SYMBOLS[:1] if model == "TFT-Primary" else SYMBOLS[:-1]
        return {
            symbol: Learnt(values[-1] * 1.01, values[-1] * 0.99, values[-1] * 1.03)
            for symbol, values in closes.items()
            if symbol in known
        }

    return NeuralForecasts(learn=learn)


def test_until_its_end_the_run_before_it_is_what_is_seen(plan):
    before = run(plan)
    seen = []
    done = run(plan, progress=lambda *_: seen.append(results.latest(day=before.trading_day).pk))
    assert seen == [before.pk] * 6
    assert results.latest(day=before.trading_day).pk == done.pk


def test_without_any_prices_there_is_still_an_end_with_reasons(yahoo, plan):
    plan.data = "yahoo"
    plan.save()
    yahoo.manner = dict.fromkeys(SYMBOLS, "down")
    done = run(plan)
    jsonschema.validate(done.results, RESULTS)
    assert done.status == "COMPLETED"
    assert done.results["performance_metrics"] == {
        "success_rate": 0.0, "avg_confidence": 0.0, "signal_distribution": {"BUY": 0, "SELL": 0, "HOLD": 0},
    }  # fmt: skip
    [(level, _)] = told("analysis.trouble")
    assert level == "error"


def test_a_provider_that_is_not_installed_falls_back_and_says_so(plan):
    plan.provider = "modelscope"
    plan.save()
    done = run(plan)
    models = {one["components"]["price_prediction"]["model_used"] for one in done.results["trading_signals"].values()}
    assert models == {"Statistical"}
    assert "ModelScope: set MODELSCOPE_API_URL and MODELSCOPE_API_TOKEN to use it" in done.error


class Broken:
    models = ("Statistical",)

    def predict(self, closes, *, horizon):
        assert AnalysisRun.objects.get().results is None  # nothing is seen before the end
        raise RuntimeError("the model fell over")


def test_a_run_that_falls_over_is_failed_with_why_and_shows_nothing(settings, plan):
    settings.FORECASTS = {**settings.FORECASTS, "statistical": f"{__name__}.Broken"}
    done = run(plan)
    assert (done.status, done.results) == ("FAILED", None)
    assert done.error == "RuntimeError: the model fell over"
    assert told("analysis.failed") == [("error", "The analysis premarket failed: RuntimeError: the model fell over")]
    assert not Forecast.objects.exists()


def test_one_that_was_given_up_meanwhile_writes_nothing(plan, sure):
    def give_up(done, total, what):
        if what == "forecasts":
            [row] = AnalysisRun.objects.all()
            runs.fail(row, error="taken away", now=clock.now())

    done = run(plan, progress=give_up)
    assert (done.status, done.results, done.error) == ("FAILED", None, "taken away")
    assert not Forecast.objects.exists()


def test_strong_opinions_are_alerts(plan, sure):
    done = run(plan)
    assert [alert["level"] for alert in done.results["alerts"]] == ["info"] * 5
    alerts = told("analysis.alert")
    assert len(alerts) == 5
    assert alerts[0][1].startswith("BUY STRONG AAPL with 97% confidence: Statistical expects")
    assert done.results["performance_metrics"]["signal_distribution"] == {"BUY": 5, "SELL": 0, "HOLD": 0}


def test_it_feeds_a_strategy_whose_rules_decide(plan, sure):
    account = factories.account("paper-1", initial_balances={"USD": "100000"}, prices="message")
    strategy = factories.strategy(
        "morning", accounts=[account], symbols={"AAPL": "AAPL", "TSLA": "TSLA"}, sizing_value="1"
    )
    plan.strategy = strategy
    plan.save()
    done = run(plan)
    signals = list(Signal.objects.order_by("pk"))
    assert [signal.symbol for signal in signals] == SYMBOLS
    assert {signal.action for signal in signals} == {"buy"}
    assert signals[0].raw == {"analysis": "premarket", "run_id": done.public_id}
    drain()
    outcomes = dict(Decision.objects.filter(strategy=strategy).values_list("signal__symbol", "outcome"))
    assert outcomes["AAPL"] == "APPROVED"
    assert outcomes["NVDA"] == "REJECTED"  # it is not among the strategy's symbols


def test_a_run_is_worked_off_once(plan):
    begun = runs.begin(plan, cause=Cause.DEMAND, now=clock.now())
    assert runner.execute(begun)
    assert not runner.execute(AnalysisRun.objects.get(pk=begun.pk))
    assert Forecast.objects.filter(run=begun).count() == 10


def test_plans_are_apart(plan):
    other = AnalysisPlan.objects.create(
        slug="other", symbols=["AAPL"], data="simulated", first_at=time(6, 30), last_at=time(9, 0)
    )
    run(plan)
    assert run(other).status == "COMPLETED"
