"""What a strategy says of engine B: `agents` in the configuration file, `Strategy.agents` in the database.

    {"threshold": "0.2", "quorum": 1, "timeframe": "1h", "source": "venue:okx",
     "trend": {"weight": "2", "fast": 12, "slow": 26}, "sentiment": {"weight": "0"}}

What is left out is as each agent has it. A weight of 0 takes an agent's voice, not its veto.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.utils.module_loading import import_string

from signals.market import bars
from tradeops.core import money
from tradeops.core.errors import ConfigurationError

from .agents.base import Agent, Setting, count, number

_VOTE: dict[str, Setting] = {
    "threshold": number("0.2", most="1"),  # how far from zero the vote has to be
    "quorum": count(1, most=20),  # how many agents must have a view
}
_WEIGHT = number("1", most="100")
TIMEFRAME, SOURCE = "timeframe", "source"


@dataclass(frozen=True, kw_only=True)
class Chosen:
    """An agent with this strategy's settings of it."""

    name: str
    agent: Agent
    weight: Decimal
    given: Mapping[str, Decimal]

    @property
    def bars(self) -> int:
        return self.agent.bars(self.given)


@dataclass(frozen=True, kw_only=True)
class Settings:
    threshold: Decimal
    quorum: int
    timeframe: str
    source: str  # of bars; empty = where the strategy's prices come from
    agents: tuple[Chosen, ...]

    @property
    def bars(self) -> int:
        """How many the agents want to see."""
        return max((one.bars for one in self.agents), default=0)


def read(given: Any) -> Settings:
    """Raises ConfigurationError, whose message begins with the field's name."""
    if not isinstance(given, Mapping):
        raise ConfigurationError("agents: give a map, such as {trend: {weight: 2}}")
    known = {*_VOTE, TIMEFRAME, SOURCE, *settings.AGENTS}
    for name in given:
        if name not in known:
            raise ConfigurationError(f"agents.{name}: there is no such agent; there are {', '.join(settings.AGENTS)}")
    vote = {name: _value(given.get(name), setting, f"agents.{name}") for name, setting in _VOTE.items()}
    return Settings(
        threshold=vote["threshold"],
        quorum=int(vote["quorum"]),
        timeframe=_timeframe(given.get(TIMEFRAME, "1h")),
        source=_source(given.get(SOURCE, "")),
        agents=tuple(_chosen(name, given.get(name, {})) for name in settings.AGENTS),
    )


def _chosen(name: str, given: Any) -> Chosen:
    path = f"agents.{name}"
    if not isinstance(given, Mapping):
        raise ConfigurationError(f"{path}: give a map, such as {{weight: 2}}")
    agent: Agent = import_string(settings.AGENTS[name])()
    for field in given:
        if field != "weight" and field not in agent.settings:
            there = ", ".join(["weight", *agent.settings])
            raise ConfigurationError(f"{path}.{field}: {name} has no such setting; it has {there}")
    weight = agent.weight if "weight" not in given else _value(given["weight"], _WEIGHT, f"{path}.weight")
    values = {field: _value(given.get(field), setting, f"{path}.{field}") for field, setting in agent.settings.items()}
    return Chosen(name=name, agent=agent, weight=weight, given=values)


def _value(given: Any, setting: Setting, path: str) -> Decimal:
    if given is None:
        return setting.default
    try:
        found = money.exact(given)
    except ValueError as error:
        raise ConfigurationError(f"{path}: {error}") from None
    if not setting.least <= found <= setting.most:
        raise ConfigurationError(f"{path}: use a number from {setting.least} to {setting.most}")
    if setting.whole and found != found.to_integral_value():
        raise ConfigurationError(f"{path}: use a whole number")
    return found


def _timeframe(given: Any) -> str:
    if given not in bars.TIMEFRAMES:
        raise ConfigurationError(f"agents.{TIMEFRAME}: use one of {', '.join(bars.TIMEFRAMES)}")
    return str(given)


def _source(given: Any) -> str:
    if not isinstance(given, str):
        raise ConfigurationError(f"agents.{SOURCE}: use text")
    if given:
        try:
            bars.bar_source(given)
        except ConfigurationError as error:
            raise ConfigurationError(f"agents.{SOURCE}: {error}") from None
    return given
