"""ccxt itself, imported when the first exchange is asked for: it takes 0.7 s and 76 MB of disk."""

from __future__ import annotations

import threading
from importlib import import_module
from typing import Any

from tradeops.core.errors import ConfigurationError

_lock = threading.Lock()
_described: dict[str, Any] = {}


def ccxt() -> Any:
    """The package. Raises ConfigurationError where it is not installed."""
    try:
        return import_module("ccxt")
    except ImportError as error:
        raise ConfigurationError("exchanges by name need ccxt: pip install -r requirements.txt") from error


def names() -> tuple[str, ...]:
    return tuple(ccxt().exchanges)


def exchange_class(name: str) -> Any:
    """Raises ConfigurationError for a name that ccxt does not know."""
    package = ccxt()
    if name not in package.exchanges:
        raise ConfigurationError(f"ccxt {package.__version__} has no exchange {name!r}")
    return getattr(package, name)


def described(name: str) -> Any:
    """One instance without keys or markets, to read what the exchange declares; never used for a call."""
    with _lock:
        if name not in _described:
            _described[name] = exchange_class(name)()
        return _described[name]
