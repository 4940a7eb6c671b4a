"""`strategies`: what an alert means, and where it goes."""

from __future__ import annotations

from typing import Any

from django.conf import settings

from relay.models import EndpointGroup
from signals.models import Strategy
from signals.strategies import sizing, symbols
from tradeops.config.names import Reference
from tradeops.config.reader import Mapping, Node
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
    Unavailable,
    Unreadable,
    plain,
)
from tradeops.config.section import Field, Section
from tradeops.config.sections import holdings
from tradeops.config.sections.prices import PriceSource
from tradeops.core.errors import ConfigurationError

_DAYS_30 = 30 * 86400
_SIZING = Record(
    {"mode": Choice(lambda: sizing.MODES, "sizing mode"), "value": Nullable(Amount(above_zero=True), None)},
    required=("mode",),
)


class Engine:
    _name = Choice(lambda: settings.ENGINES, "engine")

    def read(self, node: Node, at: At) -> str:
        if isinstance(node, Mapping):
            at.fail(node, f"experiments are not available in this version; use {' or '.join(sorted(settings.ENGINES))}")
        return self._name.read(node, at)


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
        needs_value = given["mode"] in sizing.NEEDS_VALUE
        if needs_value and given["value"] is None:
            at.field("value").note(node.line, f"the mode {given['mode']} needs a value")
            raise Unreadable
        return given


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
            "mode": Field(Choice(lambda: Strategy.Mode.values, "mode")),
            "symbols": Field(MapOf(Text(60, wanted="a ticker"), Target())),
            "sizing": Field(Sizing()),
            "exits": Field(Unavailable()),
            "max_age_seconds": Field(Integer(1, _DAYS_30)),
            "exit_max_age_seconds": Field(Integer(1, _DAYS_30)),
            "max_price_age_seconds": Field(Integer(1, _DAYS_30)),
            "pyramiding": Field(Integer(0, 1000)),
            "opposite": Field(Choice(lambda: Strategy.Opposite.values, "way to treat an opposite signal")),
            "prices": Field(Nullable(PriceSource(), "")),
            "accounts": Field(ListOf(Reference(names, ("accounts",)), ordered=False), relation=True),
            "endpoints": Field(
                ListOf(Reference(names, ("endpoints", "endpoint_groups")), ordered=False), relation=True
            ),
            "heal": Field(Choice(lambda: Strategy.Heal.values, "way to heal")),
            "expect_every": Field(Nullable(Integer(1, _DAYS_30), None)),
            "alert_expires_on": Field(Nullable(Day(), None)),
        }

    def current(self, row: Strategy, name: str) -> Any:
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
        if name == "sizing":
            row.sizing_mode, row.sizing_value = value["mode"], value["value"]
        else:
            super().assign(row, name, value)

    def check(self, row: Strategy) -> None:
        if row.mode != Strategy.Mode.OFF and row.sizing_mode in sizing.NEEDS_VALUE and row.sizing_value is None:
            raise ConfigurationError("needs `sizing: {mode, value}` before its mode can be anything but off")

    def check_retire(self, row: Strategy) -> None:
        holdings.check_flat(row)
