"""What django-q2 calls; each makes one domain call."""

from __future__ import annotations

from signals.pipeline import drain as pipeline


def drain() -> None:
    pipeline.drain(linger_seconds=pipeline.LINGER_SECONDS)
