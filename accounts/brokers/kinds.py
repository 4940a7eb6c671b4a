"""Which brokers there are, and what each can do: settings.BROKERS, and ccxt's exchanges by their own names.

Importing ccxt takes 0.65 s, so its names are read from its folder, and it is imported where one of them is asked for.
"""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from django.conf import settings
from django.utils.module_loading import import_string

from tradeops.core.errors import ConfigurationError

from .base import Capabilities
from .by_ccxt import dialects

CCXT = "ccxt"  # in settings.BROKERS: what makes a class for the name of an exchange
_FIRST = ("paper", "okx", "alpaca", "mt5")


def kinds() -> list[str]:
    """For forms and messages: our own first, then those of ccxt's exchanges that can be traded here."""
    own = [kind for kind in settings.BROKERS if kind != CCXT]
    own.sort(key=lambda kind: (_FIRST.index(kind) if kind in _FIRST else len(_FIRST), kind))
    return [*own, *(name for name in dialects.accepted() if CCXT in settings.BROKERS and name not in own)]


def known(kind: str) -> bool:
    """Whether there is a class for it, or a reason why there is none: `broker_class` gives either."""
    return kind != CCXT and (kind in settings.BROKERS or kind in exchanges())


def exchanges() -> list[str]:
    """ccxt's exchanges; none where this installation has no such broker."""
    return list(_exchanges()) if CCXT in settings.BROKERS else []


@cache
def _exchanges() -> tuple[str, ...]:
    """One module each, which ccxt's own list is made from too."""
    package = find_spec("ccxt")
    if package is None or package.origin is None:
        return ()
    modules = (path.stem for path in Path(package.origin).parent.glob("*.py"))
    return tuple(sorted(name for name in modules if not name.startswith("_")))


def capabilities(kind: str) -> Capabilities:
    """Raises ConfigurationError for an unknown kind, or one whose package is not installed."""
    found: Capabilities = broker_class(kind).capabilities
    return found


def broker_class(kind: str) -> Any:
    """What makes a broker of an Access, and has `capabilities`. Raises ConfigurationError, as `capabilities`."""
    if not known(kind):
        raise ConfigurationError(_unknown(kind))
    try:
        if kind in settings.BROKERS:
            return import_string(settings.BROKERS[kind])
        return import_string(settings.BROKERS[CCXT])(kind)
    except ImportError as error:
        raise ConfigurationError(
            f"the broker {kind!r} cannot be loaded: {error}; install the package it needs", code="not_installed"
        ) from error


def _unknown(kind: str) -> str:
    own = [name for name in kinds() if name in settings.BROKERS]
    others = f", and {len(kinds()) - len(own)} exchanges by ccxt's names (binance, bybit …)" if exchanges() else ""
    return f"there is no broker {kind!r}; this installation has {', '.join(own)}{others}"
