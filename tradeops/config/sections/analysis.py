"""`analysis`: what is looked at before the market opens."""

from __future__ import annotations

from datetime import time
from typing import Any

from signals.analysis import plans
from signals.market.history import base as history
from signals.models import AnalysisPlan, Strategy
from tradeops.config.names import Reference
from tradeops.config.reader import Node, Sequence
from tradeops.config.schema import At, Choice, Flag, Integer, ListOf, Nullable, Text
from tradeops.config.section import Field, Section
from tradeops.core.errors import ConfigurationError

_SYMBOL = Text(60, wanted="a symbol such as AAPL or BTC/USDT")
_TIMES = ("first_at", "last_at")
_CLOCK = Text(5, r"([01][0-9]|2[0-3]):[0-5][0-9]", "a time of day such as 06:30")


class Data:
    """One source, or several in the order in which they are asked; kept with commas between them."""

    _one = Text(60, wanted="a data source: yahoo, venue:okx, simulated")

    def read(self, node: Node, at: At) -> str:
        names = ListOf(self._one).read(node, at) if isinstance(node, Sequence) else [self._one.read(node, at)]
        for name in names:
            try:
                history.history_source(name)
            except ConfigurationError as error:
                at.fail(node, str(error))
        return ",".join(names)


class Share:
    """A number from 0 to 1."""

    _text = Text(10, r"0(\.[0-9]+)?|1(\.0+)?", "a number from 0 to 1")

    def read(self, node: Node, at: At) -> float:
        return float(self._text.read(node, at))


class Analysis(Section[AnalysisPlan]):
    name = "analysis"
    noun = "analysis"
    model = AnalysisPlan

    def declare(self) -> dict[str, Field]:
        return {
            "symbols": Field(ListOf(_SYMBOL), required=True),
            "provider": Field(Choice(plans.kinds, "forecast provider")),
            "data": Field(Data()),
            "strategy": Field(Nullable(Reference(self.run.names, ("strategies",)), None)),
            "calendar": Field(Text(12, r"[A-Z0-9]{3,6}", "an exchange's code such as XNYS")),
            "time_zone": Field(Text(60, wanted="a time zone such as America/New_York")),
            "first_at": Field(_CLOCK),
            "last_at": Field(_CLOCK),
            "every_minutes": Field(Integer(5, 720)),
            "horizon_days": Field(Integer(1, 20)),
            "buy_above": Field(Share()),
            "strong_above": Field(Share()),
            "sentiment_weight": Field(Share()),
            "keep_hours": Field(Integer(1, 87600)),
            "active": Field(Flag()),
        }

    def current(self, row: AnalysisPlan, name: str) -> Any:
        if name == "strategy":
            return row.strategy.slug if row.strategy else None
        if name in _TIMES:
            return f"{getattr(row, name):%H:%M}"
        return super().current(row, name)

    def assign(self, row: AnalysisPlan, name: str, value: Any) -> None:
        if name == "strategy":
            row.strategy = Strategy.objects.get(slug=value) if value else None
        else:
            super().assign(row, name, time.fromisoformat(value) if name in _TIMES else value)
        plans.changed(row, [name], now=self.run.now)

    def restore(self, row: AnalysisPlan) -> None:
        super().restore(row)
        plans.changed(row, self.at_work, now=self.run.now)

    def check(self, row: AnalysisPlan) -> None:
        plans.check(row, now=self.run.now)
