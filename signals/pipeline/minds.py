"""Who decides for a strategy, and what they are told: engines, experiments, and the evidence read before (S3, S4)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from accounts.brokers.base import Quote
from accounts.models import Account
from signals.engines import analysis
from signals.engines.base import Engine, Opinion, engine
from signals.engines.evidence import Evidence, Holding, Outlook
from signals.engines.multi_agent import MultiAgentEngine
from signals.market import bars
from signals.market.bars import Bars, NoBars
from signals.market.base import is_remote, source_name
from signals.models import Position, Signal, Strategy
from signals.receive import Alert
from signals.strategies import experiments
from signals.strategies.experiments import Experiment
from tradeops.core import configuration, rows
from tradeops.core.errors import ConfigurationError


@dataclass(frozen=True, kw_only=True)
class Minds:
    """The engines of one strategy, by name; more than one in an experiment."""

    strategy: Strategy
    experiment: Experiment | None
    engines: Mapping[str, Engine]

    @property
    def look(self) -> bool:
        """Whether one of them looks at more than the alert."""
        return any(one.looks for one in self.engines.values())

    @property
    def shadow(self) -> str:
        return self.experiment.shadow if self.experiment else ""

    def variant(self, signal: Signal) -> str:
        """Of the experiment's engines the one that the signal is for; empty without an experiment."""
        if self.experiment is None:
            return ""
        stored = signal.variants.get(self.strategy.slug)
        if stored in self.engines:
            return str(stored)
        return experiments.assign(self.experiment, signal=signal.public_id)


def _made(strategy: Strategy) -> Minds:
    experiment = experiments.read(strategy.slug, strategy.experiment)
    names = experiment.engines if experiment else (strategy.engine,)
    engines = {name: engine(name, strategy.agents) for name in names}
    return Minds(strategy=strategy, experiment=experiment, engines=engines)


def of(strategy: Strategy) -> Minds:
    """Kept as long as the configuration. Raises ConfigurationError for what is not installed, or does not fit."""
    kept = _kept()
    if strategy.pk not in kept:
        kept[strategy.pk] = _made(strategy)
    return kept[strategy.pk]


def _none_yet() -> dict[int, Minds]:
    return {}


_kept = configuration.Cached(_none_yet)


def look(strategy: Strategy) -> bool:
    """Whether its engines look at more than the alert: then its signals are decided by a worker, never in passing."""
    try:
        return of(strategy).look
    except ConfigurationError:
        return False  # said when a signal of it is decided


@dataclass(frozen=True, kw_only=True)
class Ground:
    """What the engines are told on every account of a case."""

    minds: Minds
    alert: Alert
    now: datetime
    analysis: Outlook | None = None
    analysis_problem: str = ""
    held: Mapping[tuple[int, str], Mapping[str, Holding]] = field(default_factory=dict)  # account, symbol → side


def ground(minds: Minds, alert: Alert, *, symbol: str, now: datetime) -> Ground:
    """Read from the database; only for engines that look."""
    told, problem = analysis.latest(analysis.names(symbol, alert.symbol), now=now)
    return Ground(
        minds=minds, alert=alert, now=now, analysis=told, analysis_problem=problem, held=_held(minds.strategy)
    )


def _held(strategy: Strategy) -> dict[tuple[int, str], dict[str, Holding]]:
    found: dict[tuple[int, str], dict[str, Holding]] = {}
    # "is_open" as in the partial index `signals_position_open`.
    for account, symbol, side, quantity, average in rows.select(
        Position,
        *("account_id", "symbol", "side", "quantity", "average_price"),
        where="is_open AND strategy_id = %s",
        params=[strategy.pk],
    ):
        held = Holding(side=side, quantity=quantity, average_price=average)
        found.setdefault((account, symbol), {})[side] = held
    return found


def opinions(
    ground: Ground, *, account: Account | None, symbol: str, quote: Quote | None, quote_problem: str
) -> dict[str, Opinion]:
    """Of every engine on one account, or on the symbol as such; may ask a venue, so never in a transaction."""
    found: dict[str, Opinion] = {}
    for name, mind in ground.minds.engines.items():
        read, problem = _bars(mind, ground, account, symbol)
        evidence = Evidence(
            now=ground.now,
            symbol=symbol,
            quote=quote,
            quote_problem=quote_problem or "there is no price",
            bars=read,
            bars_problem=problem,
            analysis=ground.analysis,
            analysis_problem=ground.analysis_problem,
            held=ground.held.get((account.pk, symbol), {}) if account else {},
        )
        found[name] = mind.read(ground.alert, evidence)
    return found


def _bars(mind: Engine, ground: Ground, account: Account | None, symbol: str) -> tuple[Bars | None, str]:
    if not isinstance(mind, MultiAgentEngine) or not mind.settings.bars:
        return None, "no bars were read"
    name = _source(mind, ground.minds.strategy, account)
    if not name:
        return None, "there is no account by whose venue bars could be read; give agents.source"
    asked = mind.settings
    try:
        found = bars.read(
            name, symbol=symbol, timeframe=asked.timeframe, count=asked.bars, account=account, now=ground.now
        )
    except NoBars as error:
        return None, str(error)
    return found, ""


def _source(mind: MultiAgentEngine, strategy: Strategy, account: Account | None) -> str:
    if mind.settings.source or account is None:
        return mind.settings.source or strategy.prices
    return source_name(strategy_prices=strategy.prices, account=account)


def ask_a_venue(strategy: Strategy) -> bool:
    """Whether its engines' bars may take the time of a network call, wherever its accounts are."""
    try:
        minds = of(strategy).engines.values()
    except ConfigurationError:
        return False
    return any(isinstance(mind, MultiAgentEngine) and is_remote(mind.settings.source) for mind in minds)
