"""The default: exponential smoothing in its Theta form, on log prices, by `statsforecast`. Seconds on a CPU.

Theta won the M3 competition (Makridakis and Hibon, 2000; Assimakopoulos and Nikolopoulos, 2000). On daily prices no
univariate model is far from the last value; how far ours is, docs/analysis.md says as measured.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence

import numpy

from .base import BAND, NoForecast, Prediction, from_band

MODEL = "Statistical"
LEAST = 60
MOST = 500


class StatisticalForecasts:
    models = (MODEL,)

    def predict(self, closes: Mapping[str, Sequence[float]], *, horizon: int) -> dict[str, Prediction | NoForecast]:
        found: dict[str, Prediction | NoForecast] = {}
        for symbol, values in closes.items():
            try:
                found[symbol] = one(values, horizon=horizon)
            except NoForecast as error:
                found[symbol] = error
        return found


def one(values: Sequence[float], *, horizon: int) -> Prediction:
    """The forecast `horizon` bars ahead. Raises NoForecast for less than 60 bars."""
    if len(values) < LEAST:
        raise NoForecast(f"{len(values)} days of prices are too few for a forecast; {LEAST} are needed")
    from statsforecast.models import AutoTheta  # two seconds: only where something is forecast

    logs = numpy.log(numpy.asarray(values[-MOST:], dtype=float))
    level = round(BAND * 100)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the optimiser's, of steps that it then leaves
        try:
            told = AutoTheta(season_length=1).forecast(y=logs, h=horizon, level=[level])
        except Exception as error:
            raise NoForecast(f"{MODEL} could not fit the prices: {type(error).__name__}") from error
    price, low, high = (float(numpy.exp(told[name][-1])) for name in ("mean", f"lo-{level}", f"hi-{level}"))
    return from_band(model=MODEL, last=float(values[-1]), price=price, low=low, high=high)
