"""What a run of the analysis found, typed. Prices are Decimal; scores and confidences are ratios as float."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from types import MappingProxyType

from .reading import Row


@dataclass(frozen=True, kw_only=True)
class Prediction:
    model_used: str
    predicted_price: Decimal
    direction: str  # UP, DOWN
    confidence: float
    latency_ms: int

    @classmethod
    def of(cls, row: Row) -> Prediction:
        return cls(
            model_used=row.text("model_used"), predicted_price=row.amount("predicted_price"),
            direction=row.text("direction"), confidence=row.ratio("confidence"), latency_ms=row.whole("latency_ms"),
        )  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Sentiment:
    sentiment: str  # positive, negative, neutral
    confidence: float
    recommendation: str

    @classmethod
    def of(cls, row: Row) -> Sentiment:
        return cls(
            sentiment=row.text("sentiment"), confidence=row.ratio("confidence"),
            recommendation=row.text("recommendation"),
        )  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class TradingSignal:
    """Without `success` there is only `error`, and the rest is empty or None."""

    symbol: str
    success: bool
    error: str = ""
    action: str = ""  # BUY STRONG, BUY, HOLD, SELL, SELL STRONG
    confidence: float | None = None
    signal_score: float | None = None
    current_price: Decimal | None = None
    reasoning: str = ""
    price_prediction: Prediction | None = None
    sentiment_analysis: Sentiment | None = None

    @classmethod
    def of(cls, symbol: str, row: Row) -> TradingSignal:
        if not row.flag("success"):
            return cls(symbol=symbol, success=False, error=row.maybe("error", row.text) or "")
        components = row.row("components")
        return cls(
            symbol=symbol, success=True, action=row.text("action"), confidence=row.ratio("confidence"),
            signal_score=row.ratio("signal_score"), current_price=row.amount("current_price"),
            reasoning=row.text("reasoning"), price_prediction=Prediction.of(components.row("price_prediction")),
            sentiment_analysis=Sentiment.of(components.row("sentiment_analysis")),
        )  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Alert:
    level: str
    symbol: str
    message: str
    timestamp: datetime

    @classmethod
    def of(cls, row: Row) -> Alert:
        return cls(
            level=row.text("level"), symbol=row.text("symbol"), message=row.text("message"),
            timestamp=row.moment("timestamp"),
        )  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Metrics:
    success_rate: float
    avg_confidence: float
    buy: int
    sell: int
    hold: int

    @classmethod
    def of(cls, row: Row) -> Metrics:
        counts = row.row("signal_distribution")
        return cls(
            success_rate=row.ratio("success_rate"), avg_confidence=row.ratio("avg_confidence"),
            buy=counts.whole("BUY"), sell=counts.whole("SELL"), hold=counts.whole("HOLD"),
        )  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Analysis:
    run_id: str
    timestamp: datetime
    symbols_analyzed: tuple[str, ...]
    trading_signals: Mapping[str, TradingSignal]
    alerts: tuple[Alert, ...]
    performance_metrics: Metrics

    @classmethod
    def of(cls, row: Row) -> Analysis:
        signals = {symbol: TradingSignal.of(symbol, one) for symbol, one in row.items("trading_signals")}
        return cls(
            run_id=row.text("run_id"), timestamp=row.moment("timestamp"),
            symbols_analyzed=row.texts("symbols_analyzed"), trading_signals=MappingProxyType(signals),
            alerts=tuple(Alert.of(one) for one in row.rows("alerts")),
            performance_metrics=Metrics.of(row.row("performance_metrics")),
        )  # fmt: skip
