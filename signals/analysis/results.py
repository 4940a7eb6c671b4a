"""The results of a run in the shape that `GET /results` gives (A4); numbers are JSON numbers."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from signals.models import AnalysisRun
from tradeops.core import clock

from .combine import Verdict

if TYPE_CHECKING:
    from .runner import Subject, Work

LOUD = 0.85


def latest(*, day: Any, plan: str = "") -> AnalysisRun | None:
    """The last run of that trading day with results, of one plan or any; None if there is none (any more)."""
    found = AnalysisRun.objects.filter(trading_day=day, status=AnalysisRun.Status.COMPLETED, results__isnull=False)
    if plan:
        found = found.filter(plan__slug=plan)
    return found.order_by("-pk").first()


def is_loud(verdict: Verdict) -> bool:
    """Whether it is an alert of its own: above 85 % with BUY or SELL (A6)."""
    return verdict.confidence > LOUD and verdict.action != "HOLD"


def of(work: Work, *, now: datetime) -> dict[str, Any]:
    good = [subject for subject in work.subjects if subject.verdict is not None]
    actions = [subject.verdict.action.removesuffix(" STRONG") for subject in good if subject.verdict]
    confidences = [subject.verdict.confidence for subject in good if subject.verdict]
    return {
        "run_id": work.run.public_id,
        "timestamp": clock.iso_ms(now),
        "symbols_analyzed": [subject.symbol for subject in work.subjects],
        "trading_signals": {subject.symbol: _signal(subject) for subject in work.subjects},
        "alerts": _alerts(work, now=now),
        "performance_metrics": {
            "success_rate": round(len(good) / len(work.subjects), 4) if work.subjects else 0.0,
            "avg_confidence": round(sum(confidences) / len(confidences), 4) if confidences else 0.0,
            "signal_distribution": {word: actions.count(word) for word in ("BUY", "SELL", "HOLD")},
        },
    }


def _signal(subject: Subject) -> dict[str, Any]:
    told, verdict = subject.prediction, subject.verdict
    if told is None or verdict is None:
        return {"success": False, "error": subject.problem}
    return {
        "success": True,
        "action": verdict.action,
        "confidence": round(verdict.confidence, 4),
        "signal_score": round(verdict.score, 4),
        "current_price": subject.price,
        "reasoning": verdict.reasoning,
        "components": {
            "price_prediction": {
                "model_used": told.model,
                "predicted_price": round(told.price, 6),
                "low": round(told.low, 6),
                "high": round(told.high, 6),
                "direction": told.direction,
                "confidence": round(told.confidence, 4),
                "latency_ms": subject.latency_ms,
            },
            "sentiment_analysis": {
                "sentiment": subject.mood.sentiment,
                "confidence": round(subject.mood.confidence, 4),
                "recommendation": subject.mood.recommendation,
            },
        },
    }


def _alerts(work: Work, *, now: datetime) -> list[dict[str, Any]]:
    at = clock.iso_ms(now)
    found = []
    for subject in work.subjects:
        if subject.problem:
            found.append(_alert("error", subject.symbol, subject.problem, at))
        elif subject.verdict is not None and is_loud(subject.verdict):
            found.append(_alert("info", subject.symbol, subject.verdict.reasoning, at))
    return found + [_alert("warning", "", trouble, at) for trouble in work.troubles]


def _alert(level: str, symbol: str, message: str, at: str | None) -> dict[str, Any]:
    return {"level": level, "symbol": symbol, "message": message, "timestamp": at}
