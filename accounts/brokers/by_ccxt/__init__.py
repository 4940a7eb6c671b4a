"""Brokers for ccxt's exchanges, by the exchange's own name: `broker: bybit`.

The package is not called ccxt, so that `import ccxt` means the library.
"""

from __future__ import annotations

from functools import cache
from typing import Any


@cache
def broker_class(exchange: str) -> Any:
    """The broker of one exchange: takes an Access, has `capabilities`. Imports ccxt.

    Raises ConfigurationError for a name that ccxt does not know, and for an exchange on which no order can be found
    again by an id of ours.
    """
    from . import declared, dialects, library
    from .broker import CcxtBroker

    described = library.described(exchange)
    dialect = dialects.of(exchange)
    members = {
        "__doc__": f"{described.name} through ccxt.",
        "capabilities": declared.capabilities(exchange, dialect),
        "rate_limit_ms": float(described.rateLimit),
    }
    return type(f"Ccxt_{exchange}", (CcxtBroker,), members)
