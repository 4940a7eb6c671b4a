"""One account's ccxt instance: its keys, its address, its test environment."""

from __future__ import annotations

import ipaddress
import re
from typing import Any
from urllib.parse import urlsplit

from accounts.brokers.base import Access
from tradeops.core.errors import ConfigurationError

from . import library
from .dialects import Dialect
from .wire import Wire, guarded

# Our names of credentials, and ccxt's.
CREDENTIALS = {"api_key": "apiKey", "secret": "secret", "passphrase": "password"}
TYPES = {"spot": "spot", "swap": "swap", "futures": "future"}

_ORIGIN = re.compile(r"^https?://[^/]+")


def connect(access: Access, dialect: Dialect, wire: Wire) -> Any:
    """Raises ConfigurationError for an address without TLS, or a sandbox that the exchange does not have."""
    config: dict[str, Any] = {CREDENTIALS[name]: access.credentials[name] for name in CREDENTIALS if
                              access.credentials.get(name)}  # fmt: skip
    config["options"] = {
        **dialect.options.get("", {}),
        **dialect.options.get(access.market, {}),
        "defaultType": TYPES.get(access.market, access.market),
    }
    exchange = guarded(library.exchange_class(access.broker))(wire, config)
    exchange.options["warnOnFetchOpenOrdersWithoutSymbol"] = False  # it raises otherwise
    _load_less(exchange, access)
    # What currencies there are is not needed, and some exchanges ask for a key to tell.
    exchange.has = {**exchange.has, "fetchCurrencies": False}
    if access.sandbox:
        _to_sandbox(exchange, access, dialect)
    if access.base_url:
        _lead(exchange, access.base_url)
    return exchange


def _load_less(exchange: Any, access: Access) -> None:
    """Only the markets of the account's kind: an exchange may have thousands of others."""
    options = exchange.options.get("fetchMarkets")
    types = options.get("types") if isinstance(options, dict) else None
    wanted = TYPES.get(access.market, "")
    if isinstance(types, list) and wanted in types:
        exchange.options["fetchMarkets"] = {**options, "types": [wanted]}


def _to_sandbox(exchange: Any, access: Access, dialect: Dialect) -> None:
    try:
        if access.market in dialect.demo:
            exchange.enable_demo_trading(True)
        else:
            exchange.set_sandbox_mode(True)
    except (library.ccxt().NotSupported, TypeError):  # some declare an address of nothing
        if not access.base_url:
            raise ConfigurationError(f"{access.broker} has no test environment: sandbox cannot be true") from None


def _lead(exchange: Any, base_url: str) -> None:
    """Every address that ccxt knows keeps its path and gets another origin."""
    parts = urlsplit(base_url)
    if not parts.hostname or parts.scheme not in ("http", "https"):
        raise ConfigurationError(f"base_url {base_url!r} is not an address such as https://host")
    if parts.scheme != "https" and not _is_loopback(parts.hostname):
        raise ConfigurationError(f"base_url {base_url!r}: keys travel over https only, but for this machine itself")
    origin = base_url.rstrip("/")
    exchange.urls = {**exchange.urls, "api": _moved(exchange.urls["api"], origin)}


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _moved(urls: Any, origin: str) -> Any:
    if isinstance(urls, dict):
        return {name: _moved(value, origin) for name, value in urls.items()}
    return _ORIGIN.sub(origin, urls) if isinstance(urls, str) else urls


def every_symbol(access: Access, dialect: Dialect) -> dict[str, str]:
    """The parameter with which a list is asked for without a symbol, where ccxt's own default would be spot."""
    return {"type": TYPES[access.market]} if dialect.typed_lists and access.market != "spot" else {}


def hosts(exchange: Any) -> tuple[str, ...]:
    """Where keys go by default: the real host, then that of the test environment where there is one."""
    found: list[str] = []
    for name in ("api", "test", "demo"):
        urls = _flat(exchange.urls.get(name))
        host = urlsplit(urls[0].replace("{hostname}", exchange.hostname or "")).hostname if urls else None
        if host and host not in found and len(found) < 2:
            found.append(host)
    return tuple(found)


def _flat(urls: Any) -> list[str]:
    if isinstance(urls, dict):
        return [url for value in urls.values() for url in _flat(value)]
    return [urls] if isinstance(urls, str) else []
