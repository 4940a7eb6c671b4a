"""Experiments: which engine a signal is for, told by the signal itself (S3).

    {"A": 50, "B": 50, "mode": "route"}

`route`: the chosen engine trades, and owns the position until that is flat. `shadow`: all decide, A alone trades.
A strategy has one experiment at a time, so its slug is the experiment's id.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.conf import settings

from signals.models import Strategy
from tradeops.core import logs
from tradeops.core.configuration import Cached
from tradeops.core.errors import ConfigurationError

logger = logs.get(__name__)
ROUTE, SHADOW = "route", "shadow"
MODES = (ROUTE, SHADOW)
TRADES = "A"  # in a shadow experiment
MOST = 1_000_000


@dataclass(frozen=True, kw_only=True)
class Experiment:
    """`weights` by engine, in alphabetical order, so that nobody's order of writing changes an assignment."""

    id: str
    mode: str
    weights: tuple[tuple[str, int], ...]

    @property
    def engines(self) -> tuple[str, ...]:
        return tuple(name for name, _ in self.weights)

    @property
    def shadow(self) -> str:
        """Who decides beside the one that trades; empty where the chosen one decides alone."""
        return next(name for name in self.engines if name != TRADES) if self.mode == SHADOW else ""


def read(experiment_id: str, given: Any) -> Experiment | None:
    """None for an empty one. Raises ConfigurationError, whose message begins with the field's name."""
    if not given:
        return None
    if not isinstance(given, Mapping):
        raise ConfigurationError("experiment: give a map, such as {A: 50, B: 50, mode: route}")
    mode = given.get("mode", ROUTE)
    if mode not in MODES:
        raise ConfigurationError(f"experiment.mode: use {' or '.join(MODES)}")
    names = sorted(name for name in given if name != "mode")
    weights = tuple((name, _weight(name, given[name])) for name in names)
    if len(weights) < 2:
        raise ConfigurationError("experiment: name two engines at least, such as {A: 50, B: 50}")
    if not any(weight for _, weight in weights):
        raise ConfigurationError("experiment: one of the weights must be above zero")
    if mode == SHADOW and TRADES not in names:
        raise ConfigurationError(f"experiment.{TRADES}: is missing; in a shadow experiment it is the one that trades")
    if mode == SHADOW and len(names) > 2:
        raise ConfigurationError("experiment: in a shadow experiment there are two engines")
    return Experiment(id=experiment_id, mode=mode, weights=weights)


def _weight(name: str, given: Any) -> int:
    if name not in settings.ENGINES:
        there = ", ".join(sorted(settings.ENGINES))
        raise ConfigurationError(f"experiment.{name}: there is no such engine; there are {there}")
    if isinstance(given, bool) or not isinstance(given, int) or not 0 <= given <= MOST:
        raise ConfigurationError(f"experiment.{name}: use a whole number from 0 to {MOST}")
    return given


def assign(experiment: Experiment, *, signal: str) -> str:
    """The engine for a signal, by its public id: the same for everybody, at any time, in any process.

    SHA-256 of the signal's and the experiment's ids, whose first 64 bits are spread over the weights.
    """
    if experiment.mode == SHADOW:
        return TRADES
    digest = hashlib.sha256(f"{signal}\x1f{experiment.id}".encode()).digest()
    total = sum(weight for _, weight in experiment.weights)
    point = int.from_bytes(digest[:8], "big") * total >> 64  # 0 … total - 1
    for name, weight in experiment.weights:
        if point < weight:
            return name
        point -= weight
    raise AssertionError("the point lies within the weights")


def variants(signal: str, routes: Iterable[str]) -> dict[str, str]:
    """Strategy → engine, of those of the routes that are under an experiment. From memory: for intake."""
    running = _running()
    return {slug: assign(running[slug], signal=signal) for slug in routes if slug in running} if running else {}


def are_running() -> bool:
    return bool(_running())


def _load() -> Mapping[str, Experiment]:
    found = {}
    for slug, given in (
        Strategy.objects.filter(retired_at=None).exclude(experiment={}).values_list("slug", "experiment")
    ):
        try:
            experiment = read(slug, given)
        except ConfigurationError as error:
            logger.error("an experiment cannot be read; nothing is assigned", strategy=slug, error=str(error))
            continue
        if experiment is not None:
            found[slug] = experiment
    return found


_running: Cached[Mapping[str, Experiment]] = Cached(_load)
