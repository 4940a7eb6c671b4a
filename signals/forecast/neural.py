"""TFT first, N-HITS where TFT cannot: networks trained on this machine, in a minute or so, within a time that is known
beforehand (A3). `pip install -r requirements-forecast.txt` brings what they need; without it they say so.

The networks themselves are in `networks`, which is imported only when one is asked: it brings torch into the process.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from .base import Learnt, NoForecast, OutOfTime, Prediction, from_band

TFT, NHITS = "TFT-Primary", "N-HITS"
# Days that a network learns from, those it is tested on, and those it looks at.
LEAST = 200
# Of both together, imports included: under the ten minutes after which a silent run is given up (analysis.runs).
TOTAL_SECONDS = 240.0
SECONDS = {TFT: 150.0, NHITS: 90.0}


class Learn(Protocol):
    def __call__(
        self, model: str, closes: Mapping[str, Sequence[float]], *, horizon: int, seconds: float
    ) -> Mapping[str, Learnt]:
        """Raises OutOfTime when it takes longer than `seconds`."""


class NeuralForecasts:
    """`steps` are asked one after the other, each for what those before it could not tell."""

    def __init__(self, *, learn: Learn | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        began = clock()
        left = lambda: TOTAL_SECONDS - (clock() - began)  # noqa: E731
        self.steps = tuple(Network(model, learn=learn, left=left) for model in (TFT, NHITS))


class Network:
    """One model for all of the symbols together."""

    def __init__(self, model: str, *, learn: Learn | None, left: Callable[[], float]) -> None:
        self.models = (model,)
        self._model, self._given, self._left = model, learn, left

    def predict(self, closes: Mapping[str, Sequence[float]], *, horizon: int) -> dict[str, Prediction | NoForecast]:
        usable = {symbol: values for symbol, values in closes.items() if len(values) >= LEAST}
        found: dict[str, Prediction | NoForecast] = {
            symbol: NoForecast(f"{len(values)} days of prices are too few to learn from; {LEAST} are needed")
            for symbol, values in closes.items()
            if symbol not in usable
        }
        told = self._told(usable, horizon=horizon) if usable else {}
        for symbol, values in usable.items():
            found[symbol] = _one(self._model, told.get(symbol), last=float(values[-1]))
        return found

    def _told(self, closes: Mapping[str, Sequence[float]], *, horizon: int) -> Mapping[str, Learnt]:
        learn = self._given or _installed()
        seconds = min(SECONDS[self._model], self._left())
        if seconds <= 0:
            raise NoForecast(f"there was no time left of the {TOTAL_SECONDS:.0f} s for networks")
        try:
            return learn(self._model, closes, horizon=horizon, seconds=seconds)
        except OutOfTime as error:
            raise NoForecast(f"its training takes too long on this machine: {error}") from None
        except Exception as error:
            raise NoForecast(f"it could not learn: {type(error).__name__}: {error}"[:300]) from error


def _installed() -> Learn:
    try:
        from .networks import learn
    except (ImportError, OSError) as error:  # OSError: one of torch's own libraries is missing
        missing = getattr(error, "name", None) or str(error)[:100]
        raise NoForecast(
            f"the neural models are not installed ({missing}): pip install -r requirements-forecast.txt"
        ) from None
    return learn


def _one(model: str, told: Learnt | None, *, last: float) -> Prediction | NoForecast:
    if told is None:
        return NoForecast("it left the symbol out")
    try:
        return from_band(model=model, last=last, price=told.price, low=told.low, high=told.high)
    except NoForecast as error:
        return error
