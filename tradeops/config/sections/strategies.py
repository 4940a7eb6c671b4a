"""`strategies`: what an alert means, and where it goes."""

from __future__ import annotations

import re
from typing import Any

from django.conf import settings

from relay.models import EndpointGroup
from signals.engines import settings as agents
from signals.exits import rules
from signals.market import calendar
from signals.models import Strategy
from signals.risk import windows
from signals.strategies import experiments, sizing, symbols
from tradeops.config.names import Reference
from tradeops.config.reader import Mapping, Node, Sequence
from tradeops.config.schema import (
    Amount,
    At,
    Choice,
    Day,
    Integer,
    ListOf,
    MapOf,
    Nullable,
    Record,
    Text,
    Unreadable,
    plain,
)
from tradeops.config.section import Field, Section
from tradeops.config.sections import holdings
from tradeops.config.sections.prices import PriceSource
from tradeops.core import clock
from tradeops.core.errors import ConfigurationError

_DAYS_30 = 30 * 86400
_SIZING = Record(
    {"mode": Choice(lambda: sizing.MODES, "sizing mode"), "value": Nullable(Amount(above_zero=True), None)},
    required=("mode",),
)


class Engine:
    """An engine's name, or an experiment between several: `{experiment: {A: 50, B: 50, mode: route}}`."""

    _name = Choice(lambda: settings.ENGINES, "engine")

    def read(self, node: Node, at: At) -> str | dict[str, Any]:
        if not isinstance(node, Mapping):
            return self._name.read(node, at)
        weights = {name: Integer(0, experiments.MOST) for name in sorted(settings.ENGINES)}
        modes = Choice(lambda: experiments.MODES, "mode of experiments")
        inner = Record({**weights, "mode": modes})
        given = Record({"experiment": inner}, required=("experiment",)).read(node, at)
        found = {"mode": experiments.ROUTE, **given["experiment"]}
        try:
            experiments.read("", found)
        except ConfigurationError as error:
            at.fail(node, str(error))
        return {"experiment": found}


class Agents:
    """Engine B's settings; the engine says what is right."""

    def read(self, node: Node, at: At) -> Any:
        given = plain(node, at)
        try:
            agents.read(given)
        except ConfigurationError as error:
            at.fail(node, str(error).removeprefix("agents: ").removeprefix("agents."))
        return given


class Target:
    """What a ticker is mapped to: a symbol, or a map with one. The slice that reads it says what is right."""

    def read(self, node: Node, at: At) -> Any:
        ticker = at.path.rpartition(".symbols.")[2]
        target = plain(node, at)
        try:
            symbols.check({ticker: target})
        except ConfigurationError as error:
            at.fail(node, str(error).removeprefix(f"{ticker}: ").removeprefix(f"{ticker}."))
        return target


class Sizing:
    def read(self, node: Node, at: At) -> dict[str, Any]:
        given = {"value": None, **_SIZING.read(node, at)}
        if problem := sizing.check(given["mode"], given["value"]):
            at.field("value").note(node.line, problem)
            raise Unreadable
        return given


class Exits:
    """How positions are left; the slice that reads it says what is right. What is null or empty is left out."""

    def read(self, node: Node, at: At) -> dict[str, Any]:
        given = plain(node, at)
        if not isinstance(given, dict):
            at.fail(node, "must be a map such as {stop_loss: 2%}")
        found = {name: value for name, value in given.items() if value not in (None, [], {})}
        try:
            rules.check(found)
            calendar_name = rules.read(found).calendar
            if calendar_name:
                calendar.session(calendar_name, clock.now().date())
        except ConfigurationError as error:
            field, colon, why = str(error).partition(": ")
            if colon and field.partition(".")[0].partition("[")[0] in rules.NAMES:
                at.field(field).note(node.line, why)
            else:
                at.note(node.line, str(error).removeprefix("exits: "))
            raise Unreadable from error
        return found


class Windows:
    """When it may open; the slice that reads it says what is right."""

    def read(self, node: Node, at: At) -> list[dict[str, str]]:
        given = plain(node, at)
        try:
            return windows.parse([] if given is None else given)
        except ConfigurationError as error:
            wrong = re.match(r"\[(\d+)\](?:\.(\w+))?: (.*)", str(error))
            if wrong is None or not isinstance(node, Sequence):
                at.fail(node, f"must be a list of windows: {error}")
            entry = node.items[int(wrong[1])]
            here = at.item(wrong[1])
            (here.field(wrong[2]) if wrong[2] else here).fail(entry, wrong[3])


class Strategies(Section[Strategy]):
    name = "strategies"
    noun = "strategy"
    model = Strategy
    at_rest = {"mode": Strategy.Mode.OFF}
    at_work = {}  # applied again it stays off, unless the file says more

    def declare(self) -> dict[str, Field]:
        names = self.run.names
        return {
            "sources": Field(ListOf(Reference(names, ("sources",)), ordered=False), relation=True),
            "engine": Field(Engine()),
            "agents": Field(Agents()),
            "mode": Field(Choice(lambda: Strategy.Mode.values, "mode")),
            "symbols": Field(MapOf(Text(60, wanted="a ticker"), Target())),
            "sizing": Field(Sizing()),
            "target_size": Field(Choice(lambda: Strategy.TargetSize.values, "meaning of a target's size")),
            "unit_size": Field(Nullable(Amount(above_zero=True), None)),
            "exits": Field(Exits()),
            "windows": Field(Windows()),
            "approval_seconds": Field(Nullable(Integer(1, _DAYS_30), None)),
            "netting": Field(Choice(lambda: Strategy.Netting.values, "way to treat an opposite strategy")),
            "max_age_seconds": Field(Integer(1, _DAYS_30)),
            "exit_max_age_seconds": Field(Integer(1, _DAYS_30)),
            "order_ttl_seconds": Field(Nullable(Integer(1, _DAYS_30), None)),
            "max_price_age_seconds": Field(Integer(1, _DAYS_30)),
            "pyramiding": Field(Integer(0, 1000)),
            "opposite": Field(Choice(lambda: Strategy.Opposite.values, "way to treat an opposite signal")),
            "prices": Field(Nullable(PriceSource(), "")),
            "accounts": Field(ListOf(Reference(names, ("accounts",)), ordered=False), relation=True),
            "groups": Field(ListOf(Reference(names, ("account_groups",)), ordered=False), relation=True),
            "endpoints": Field(
                ListOf(Reference(names, ("endpoints", "endpoint_groups")), ordered=False), relation=True
            ),
            "heal": Field(Choice(lambda: Strategy.Heal.values, "way to heal")),
            "expect_every": Field(Nullable(Integer(1, _DAYS_30), None)),
            "alert_expires_on": Field(Nullable(Day(), None)),
        }

    def current(self, row: Strategy, name: str) -> Any:
        if name == "engine" and row.experiment:
            return {"experiment": row.experiment}
        if name == "sizing":
            return {"mode": row.sizing_mode, "value": row.sizing_value}
        return super().current(row, name)

    def related(self, row: Strategy, name: str) -> list[Any]:
        found = super().related(row, name)
        return [*found, *row.endpoint_groups.all()] if name == "endpoints" else found

    def relate(self, row: Strategy, name: str, slugs: list[str]) -> None:
        super().relate(row, name, slugs)
        if name == "endpoints":
            row.endpoint_groups.set(EndpointGroup.objects.filter(slug__in=slugs))

    def assign(self, row: Strategy, name: str, value: Any) -> None:
        if name == "engine":
            row.experiment = value["experiment"] if isinstance(value, dict) else {}
            row.engine = row.engine if row.experiment else value
            return
        if name == "sizing":
            row.sizing_mode, row.sizing_value = value["mode"], value["value"]
        else:
            super().assign(row, name, value)

    def check(self, row: Strategy) -> None:
        if row.mode != Strategy.Mode.OFF and row.sizing_mode in sizing.NEEDS_VALUE and row.sizing_value is None:
            raise ConfigurationError("needs `sizing: {mode, value}` before its mode can be anything but off")
        if problem := sizing.check_target(row.target_size, row.sizing_mode, row.unit_size):
            raise ConfigurationError(problem)
        known = self.run.names.live("accounts")
        if unknown := sorted(slug for slug in symbols.accounts(row.symbols) if slug not in known):
            raise ConfigurationError(f"symbols: there is no account {unknown[0]!r} for which one could be different")

    def check_retire(self, row: Strategy) -> None:
        holdings.check_flat(row)
