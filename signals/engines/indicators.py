"""Indicators by TA-Lib, loaded when the first is computed: 0.2 s and 20 MB, which nobody pays who uses engine A alone.

The package would load pandas (another 66 MB) where it is installed, only to accept its series; nobody here passes any.
"""

from __future__ import annotations

import importlib
import math
import sys
import threading
from collections.abc import Sequence
from functools import cache
from importlib.abc import MetaPathFinder
from typing import Any

from signals.market.bars import Bar

_loading = threading.Lock()


class NoNumber(Exception):
    """An indicator has no value here; the message says why."""


class _Without(MetaPathFinder):
    """Some packages are not there for this thread; for every other one they are."""

    def __init__(self, *names: str) -> None:
        self._names, self._thread = names, threading.get_ident()

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> None:
        if name in self._names and threading.get_ident() == self._thread:
            raise ModuleNotFoundError(f"{name} is not wanted here", name=name)


@cache
def _load() -> Any:
    without = _Without("pandas", "polars")
    sys.meta_path.insert(0, without)
    try:
        return importlib.import_module("talib")
    finally:
        sys.meta_path.remove(without)


def library() -> Any:
    with _loading:
        return _load()


def ema(bars: Sequence[Bar], *, period: int) -> float:
    """Exponential moving average of the closes, begun with the mean of the first `period`."""
    return _last(library().EMA(_closes(bars), period), bars, period)


def atr(bars: Sequence[Bar], *, period: int) -> float:
    """Average true range (Wilder 1978), in the price's own unit."""
    return _last(library().ATR(*_ranges(bars), period), bars, period + 1)


def rsi(bars: Sequence[Bar], *, period: int) -> float:
    """Relative strength index (Wilder 1978), 0 to 100."""
    return _last(library().RSI(_closes(bars), period), bars, period + 1)


def deviations(bars: Sequence[Bar], *, period: int) -> float:
    """How many standard deviations the last close is above the mean of the last `period`; 0 where nothing moved."""
    upper, middle, _ = library().BBANDS(_closes(bars), period, 1.0, 1.0, 0)
    mean, sigma = _last(middle, bars, period), _last(upper, bars, period) - _last(middle, bars, period)
    # A width that is the rounding of the sums and no movement.
    return 0.0 if sigma <= abs(mean) * 1e-9 else (bars[-1].close - mean) / sigma


def _closes(bars: Sequence[Bar]) -> Any:
    return _column(bars, "close")


def _ranges(bars: Sequence[Bar]) -> tuple[Any, Any, Any]:
    return _column(bars, "high"), _column(bars, "low"), _column(bars, "close")


def _column(bars: Sequence[Bar], name: str) -> Any:
    import numpy

    library()
    found = numpy.array([getattr(bar, name) for bar in bars], dtype=float)
    # Some indicators step over what is no number, and say something all the same.
    if not (numpy.isfinite(found) & (found > 0)).all():
        raise NoNumber("a bar has no price")
    return found


def _last(values: Any, bars: Sequence[Bar], least: int) -> float:
    if len(bars) < least:
        raise NoNumber(f"{len(bars)} bars, {least} are needed")
    found = float(values[-1])
    if not math.isfinite(found):
        raise NoNumber("a bar has no price")
    return found
