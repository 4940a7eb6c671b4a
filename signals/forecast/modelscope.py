"""Forecasts by an HTTP service of one's own choice, such as a model served on ModelScope (A3).

`POST <url>` with `{"symbols": {"AAPL": [closes …]}, "horizon": 1, "level": 80}` and the token as a bearer; answered by
`{"forecasts": {"AAPL": {"model": "TFT-Primary", "price": 1.0, "low": 0.9, "high": 1.1}}}`.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from typing import Any

from django.conf import settings

from tradeops.core import ask

from .base import BAND, NoForecast, Prediction, from_band

TIMEOUT_SECONDS = 30.0
TRIES = 3
PAUSE_SECONDS = 0.5
_KNOWN = ("TFT-Primary", "N-HITS", "Statistical")


class ModelScopeForecasts:
    models = ("ModelScope",)

    def predict(self, closes: Mapping[str, Sequence[float]], *, horizon: int) -> dict[str, Prediction | NoForecast]:
        if not settings.MODELSCOPE_URL or not settings.MODELSCOPE_API_TOKEN:
            raise NoForecast("set MODELSCOPE_API_URL and MODELSCOPE_API_TOKEN to use it")
        told = _ask({"symbols": {name: list(values) for name, values in closes.items()}, "horizon": horizon})
        return {symbol: _one(told.get(symbol), last=values[-1]) for symbol, values in closes.items()}


def _ask(body: dict[str, Any]) -> dict[str, Any]:
    """Tries again what may pass by itself. Raises NoForecast."""
    problem = ""
    for number in range(TRIES):
        if number:
            time.sleep(PAUSE_SECONDS * 2**number)
        try:
            return _once({**body, "level": round(BAND * 100)})
        except ask.NoAnswer as error:
            problem = f"the service {error}"
    raise NoForecast(f"{problem}, {TRIES} times")


def _once(body: dict[str, Any]) -> dict[str, Any]:
    headers = {"Authorization": f"Bearer {settings.MODELSCOPE_API_TOKEN}"}
    answer = ask.post(settings.MODELSCOPE_URL, body, headers=headers, seconds=TIMEOUT_SECONDS)
    if answer.status == 429 or answer.status >= 500:
        raise ask.NoAnswer(f"answered {answer.status}")
    if answer.status != 200:
        raise NoForecast(f"the service answered {answer.status}; look at the token and the address")
    try:
        found = json.loads(answer.content)["forecasts"]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise NoForecast("the service's answer is not what was asked for") from None
    if not isinstance(found, dict):
        raise NoForecast("the service's answer is not what was asked for")
    return found


def _one(told: Any, *, last: float) -> Prediction | NoForecast:
    try:
        price, low, high = (float(told[name]) for name in ("price", "low", "high"))
        model = told.get("model", "")
        return from_band(model=model if model in _KNOWN else _KNOWN[0], last=last, price=price, low=low, high=high)
    except NoForecast as error:
        return error
    except (TypeError, KeyError, ValueError, AttributeError):
        return NoForecast("the service gave no usable numbers")
