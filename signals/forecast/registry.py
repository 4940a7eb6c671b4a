"""Which providers a plan asks, in which order (A3): a better model first, the statistical one last."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from django.conf import settings
from django.utils.module_loading import import_string

from tradeops.core import logs
from tradeops.core.errors import ConfigurationError

from .base import ForecastProvider, NoForecast, Prediction

logger = logs.get(__name__)
FALLBACK = "statistical"


def providers(kind: str) -> list[ForecastProvider]:
    """Raises ConfigurationError for a kind that this installation does not have."""
    try:
        path = settings.FORECASTS[kind]
    except KeyError:
        raise ConfigurationError(
            f"there is no forecast provider {kind!r}; there are {', '.join(sorted(settings.FORECASTS))}"
        ) from None
    paths = [path] if kind == FALLBACK else [path, settings.FORECASTS[FALLBACK]]
    return [step for each in paths for step in _steps(import_string(each)())]


def _steps(made: ForecastProvider) -> Sequence[ForecastProvider]:
    """A provider of several models has them as `steps`, so that each one's failure is told under its own name."""
    found: Sequence[ForecastProvider] = getattr(made, "steps", (made,))
    return found


def predict(
    kind: str, closes: Mapping[str, Sequence[float]], *, horizon: int
) -> tuple[dict[str, Prediction | NoForecast], list[str]]:
    """The best answer for each symbol, and what providers had to say about not answering, one sentence each."""
    found: dict[str, Prediction | NoForecast] = {}
    said: list[str] = []
    asked = providers(kind)
    for provider in asked:
        left = {symbol: values for symbol, values in closes.items() if not isinstance(found.get(symbol), Prediction)}
        if not left:
            break
        try:
            told = provider.predict(left, horizon=horizon)
        except NoForecast as error:
            said.append(f"{provider.models[0]}: {error}")
            continue
        except Exception as error:
            if provider is asked[-1]:
                raise  # nobody is left to ask: the run fails, with this as its reason
            logger.exception("a forecast provider fell over; the next is asked", model=provider.models[0])
            said.append(f"{provider.models[0]}: it fell over ({type(error).__name__}: {error})"[:300])
            continue
        found.update(told)
        said += sorted({f"{provider.models[0]}: {each}" for each in told.values() if isinstance(each, NoForecast)})
    return found, said
