"""Numbers from measurements."""

from __future__ import annotations

from collections.abc import Sequence


def percentile(values: Sequence[float], p: float) -> float:
    """By nearest rank: the smallest value with at least p % of all at or below it; NaN of nothing."""
    if not values:
        return float("nan")
    ordered = sorted(values)
    rank = -(-len(ordered) * p // 100)  # rounded up
    return ordered[max(0, int(rank) - 1)]


def median(values: Sequence[float]) -> float:
    """The middle one; of two middle ones their mean."""
    ordered = sorted(values)
    middle = len(ordered) // 2
    return ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2
