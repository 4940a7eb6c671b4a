"""Numbers from measurements."""

from __future__ import annotations

import math
from collections.abc import Sequence

# Student's t for a two-sided 95 %, by degrees of freedom (NIST/SEMATECH e-Handbook, 1.3.6.7.2).
_T_95 = {
    1: 12.706, 2: 4.303, 3: 3.182, 4: 2.776, 5: 2.571, 6: 2.447, 7: 2.365, 8: 2.306, 9: 2.262, 10: 2.228,
    11: 2.201, 12: 2.179, 13: 2.160, 14: 2.145, 15: 2.131, 16: 2.120, 17: 2.110, 18: 2.101, 19: 2.093, 20: 2.086,
    21: 2.080, 22: 2.074, 23: 2.069, 24: 2.064, 25: 2.060, 26: 2.056, 27: 2.052, 28: 2.048, 29: 2.045, 30: 2.042,
}  # fmt: skip


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


def interval(values: Sequence[float]) -> tuple[float, float]:
    """The 95 % interval of their mean, by Student's t; of one value it is without bounds."""
    count = len(values)
    mean = sum(values) / count
    if count < 2:
        return float("-inf"), float("inf")
    spread = math.sqrt(sum((value - mean) ** 2 for value in values) / (count - 1))
    reach = _T_95.get(count - 1, 2.042) * spread / math.sqrt(count)
    return mean - reach, mean + reach
