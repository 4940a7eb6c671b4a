"""Background work that django-q2 runs."""

from __future__ import annotations

from relay.notify import sender


def notify() -> int:
    """On the queue `slow`: sends what is due; returns how many, at the latest after a minute."""
    return sender.drain(linger_seconds=sender.LINGER_SECONDS)
