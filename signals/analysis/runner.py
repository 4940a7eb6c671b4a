"""One run from its first price to its results, which become visible all at once (A2, A4)."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.db import transaction

from signals.forecast import registry as forecasts
from signals.forecast.base import NoForecast, Prediction
from signals.market.history import store
from signals.market.history.base import DayBar, HistorySource, NoHistory, headlines_of, history_source
from signals.models import AnalysisRun, Forecast
from signals.sentiment.base import NOTHING, Mood, SentimentProvider
from signals.sentiment.registry import sentiment
from tradeops.core import clock, events, logs
from tradeops.core.errors import ConfigurationError
from tradeops.core.events import Event, Level

from . import feed, results, runs, score, seek
from .combine import Verdict, Weights, combine

logger = logs.get(__name__)
# For the prices of all symbols: a source that hangs costs its time for each, and the next run waits for this one's end.
READ_SECONDS = 300.0
COMBINED = "Combined"
Progress = Callable[[int, int, str], object]  # symbols done, of how many, what happens now


@dataclass
class Subject:
    """One symbol on its way through a run; `problem` ends it.

    `bars` are of days that are over: a forecast is made from closes, and is held against one. `price` is the last
    that there is, of a day under way too.
    """

    symbol: str
    source: str = ""
    bars: list[DayBar] = field(default_factory=list)
    price: float = 0.0
    mood: Mood = NOTHING
    prediction: Prediction | None = None
    verdict: Verdict | None = None
    latency_ms: int = 0
    problem: str = ""


@dataclass
class Work:
    """A run's subjects, and what went wrong beside them: a sentence for each source or model that failed.

    `asked`: which symbols were asked of which sources, with success or without.
    """

    run: AnalysisRun
    subjects: list[Subject]
    troubles: list[str] = field(default_factory=list)
    asked: set[seek.Pair] = field(default_factory=set)


def execute(run: AnalysisRun, *, progress: Progress = lambda *_: None) -> bool:
    """Works off a WAITING run; False if somebody else has it. A run that cannot be finished is FAILED, with why."""
    if not runs.claim(run, now=clock.now()):
        return False
    try:
        work = Work(run, [Subject(symbol) for symbol in run.plan.symbols])
        _read(work, progress)
        _forecast(work, progress)
        _score(work)
        _finish(work)
    except Exception as error:
        logger.exception("an analysis failed", run=run.public_id)
        runs.fail(run, error=f"{type(error).__name__}: {error}", now=clock.now())
    return True


def _read(work: Work, progress: Progress) -> None:
    plan = work.run.plan
    sources = _sources(work, plan.data)
    reader = sentiment()
    ends = time.monotonic() + READ_SECONDS
    for number, subject in enumerate(work.subjects):
        progress(number, len(work.subjects), f"prices of {subject.symbol}")
        runs.alive(work.run, done=number, now=clock.now())
        if time.monotonic() > ends:
            subject.problem = f"its prices were not asked for: those before it took {READ_SECONDS:.0f} s"
            continue
        _prices(work, subject, sources)
        if not subject.problem:
            _mood(work, subject, dict(sources)[subject.source], reader)
    if reader.trouble:
        work.troubles.append(reader.trouble)


def _sources(work: Work, data: str) -> list[tuple[str, HistorySource]]:
    """In the order in which they are asked."""
    found = []
    for name in (part.strip() for part in data.split(",")):
        try:
            found.append((name, history_source(name)))
        except ConfigurationError as error:
            work.troubles.append(str(error))
    return found


def _prices(work: Work, subject: Subject, sources: Sequence[tuple[str, HistorySource]]) -> None:
    said: list[str] = []
    for name, source in sources:
        work.asked.add((name, subject.symbol))
        try:
            found = store.history(source, name=name, symbol=subject.symbol, days=store.DAYS, now=clock.now())
        except NoHistory as error:
            said.append(f"{name}: {error}")
            continue
        subject.bars, subject.price = [bar for bar in found if bar.final], found[-1].close
        if subject.bars:
            subject.source = name
            work.troubles += said
            return
        said.append(f"{name}: {subject.symbol}: none of its days is over")
    subject.problem = "; ".join(said) or "there is no data source"


def _mood(work: Work, subject: Subject, source: HistorySource, reader: SentimentProvider) -> None:
    """Without headlines the forecast decides alone."""
    try:
        subject.mood = reader.read(headlines_of(source, subject.symbol, now=clock.now()))
    except NoHistory as error:
        work.troubles.append(str(error))
    except Exception as error:
        logger.exception("headlines could not be read", symbol=subject.symbol)
        work.troubles.append(
            f"{subject.symbol}: its headlines could not be read: {type(error).__name__}: {error}"[:300]
        )


def _forecast(work: Work, progress: Progress) -> None:
    plan = work.run.plan
    ready = {subject.symbol: subject for subject in work.subjects if not subject.problem}
    progress(len(work.subjects), len(work.subjects), "forecasts")
    if not ready:
        return
    began = time.perf_counter()
    closes = {symbol: [bar.close for bar in subject.bars] for symbol, subject in ready.items()}
    found, said = forecasts.predict(plan.provider, closes, horizon=plan.horizon_days)
    each_ms = round((time.perf_counter() - began) * 1000 / len(ready))
    work.troubles += said
    weights = Weights(plan.sentiment_weight, plan.buy_above, plan.strong_above)
    for symbol, subject in ready.items():
        told = found.get(symbol, NoForecast("no provider answered"))
        if isinstance(told, NoForecast):
            subject.problem = str(told)
            continue
        subject.prediction, subject.latency_ms = told, each_ms
        subject.verdict = combine(told, subject.mood, last=subject.bars[-1].close, weights=weights)


def _score(work: Work) -> None:
    """Forecasts of earlier runs. Before the end, so that what goes wrong is told with the rest; it ends no run."""
    try:
        seeker = seek.Seeker(clock.now(), work.asked, work.troubles)
        score.score(now=seeker.now, ask=seeker)
    except Exception as error:
        logger.exception("earlier forecasts could not be scored", run=work.run.public_id)
        work.troubles.append(f"earlier forecasts could not be scored: {type(error).__name__}: {error}"[:300])


def _finish(work: Work) -> None:
    """Results, forecasts, signals and events, in one transaction, unless the run was given up meanwhile."""
    now = clock.now()
    told = results.of(work, now=now)
    with transaction.atomic():
        if not runs.alive(work.run, done=len(work.subjects), now=now):
            return
        Forecast.objects.bulk_create(_rows(work, now=now))
        signals = feed.signals(work, now=now)
        AnalysisRun.objects.filter(pk=work.run.pk).update(
            status=AnalysisRun.Status.COMPLETED,
            finished_at=now,
            results=told,
            error="; ".join(work.troubles)[:300],
            claim_token="",
            lease_until=None,
        )
        for event in _events(work, told, fed=len(signals), now=now):
            events.publish(event)


def _rows(work: Work, *, now: datetime) -> list[Forecast]:
    found = []
    for subject in work.subjects:
        if subject.prediction is None or subject.verdict is None:
            continue
        told, verdict = subject.prediction, subject.verdict
        base, horizon = subject.bars[-1], work.run.plan.horizon_days
        common = {
            "run": work.run, "source": subject.source, "symbol": subject.symbol, "made_at": now,
            "base_date": base.date, "base_price": base.close, "horizon_days": horizon,
            "due_on": score.due_on(base.date, horizon), "predicted_price": told.price, "low": told.low,
            "high": told.high, "latency_ms": subject.latency_ms,
        }  # fmt: skip
        found.append(Forecast(model=told.model, direction=told.direction, confidence=told.confidence, **common))
        side = "UP" if verdict.score >= 0 else "DOWN"
        found.append(Forecast(model=COMBINED, direction=side, confidence=verdict.confidence, **common))
    return found


def _events(work: Work, told: dict[str, object], *, fed: int, now: datetime) -> list[Event]:
    """What people hear: the run, its strong opinions, and once what went wrong (A6)."""
    plan = work.run.plan
    good = [subject for subject in work.subjects if subject.verdict is not None]
    failed = [f"{subject.symbol}: {subject.problem}" for subject in work.subjects if subject.problem]
    found = [
        Event(
            name="analysis.completed", at=now, title=f"Analysis {plan}: {len(good)} of {len(work.subjects)} symbols",
            body={"run_id": work.run.public_id, "signals": fed},
        )
    ]  # fmt: skip
    for subject in good:
        verdict = subject.verdict
        if verdict is not None and results.is_loud(verdict):
            found.append(
                Event(
                    name="analysis.alert", at=now, level=Level.WARNING, symbol=subject.symbol,
                    title=f"{verdict.action} {subject.symbol} with {verdict.confidence:.0%} confidence: "
                    f"{verdict.reasoning}"[:300],
                )
            )  # fmt: skip
    if failed or work.troubles:
        title = f"Analysis {plan} had trouble: {'; '.join([*failed, *work.troubles])}"[:300]
        level = Level.WARNING if good else Level.ERROR
        found.append(Event(name="analysis.trouble", at=now, level=level, title=title))
    return found
