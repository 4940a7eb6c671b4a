"""What django-q2 calls; each makes one domain call."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from signals.pipeline import drain as pipeline
from signals.tending import rounds
from tradeops.core import clock


def drain() -> None:
    pipeline.drain(linger_seconds=pipeline.LINGER_SECONDS)


def tend() -> None:
    rounds.tend()


def analyse_due() -> int:
    """On the queue `slow`, each minute: begins the analyses whose time has come."""
    from signals.analysis import launch

    return launch.start_due(now=clock.now())


def draw_curves() -> int:
    """On the queue `slow`, each minute: the next points of the accounts' equity curves."""
    from signals.tending import curves

    return curves.run(now=clock.now())


def analyse(public_id: str) -> None:
    """On the queue `slow`: starts one that a person asked for."""
    from signals.analysis import launch
    from signals.models import AnalysisRun

    run = AnalysisRun.objects.select_related("plan").get(public_id=public_id)
    if run.status == AnalysisRun.Status.WAITING:
        launch.start(run)


def say_on_telegram(incoming: dict[str, Any], replies: list[dict[str, Any]], since: datetime | None = None) -> None:
    """On the queue `telegram`: what the bot answered at `since` to an update that came by webhook."""
    from signals.operator.telegram import webhook

    webhook.say(incoming, replies, since)
