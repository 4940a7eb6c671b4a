"""alpaca-py's client without what an order must not meet: retries (a POST repeated on 504), floats, proxies, redirects.

Its own models are floats, so that requests are built and answers read as JSON here; addresses, versions and headers
are the package's.
"""

from __future__ import annotations

import ipaddress
import json
from datetime import datetime
from decimal import Decimal
from importlib import import_module
from typing import Any
from urllib.parse import urlsplit

import requests

from accounts.brokers import last_look
from accounts.brokers.base import Access, BrokerRejected, BrokerTemporary, Rejection
from tradeops.core import clock
from tradeops.core.errors import ConfigurationError

from . import errors

CONNECT_SECONDS = 2.0
READ_SECONDS = 10.0
REAL, PAPER, DATA = "https://api.alpaca.markets", "https://paper-api.alpaca.markets", "https://data.alpaca.markets"


class Client:
    """Shared by threads. Raises ConfigurationError without alpaca-py, or for an address without TLS."""

    def __init__(self, access: Access) -> None:
        self._access = access
        self._secrets = tuple(access.credentials.values())
        self._session = requests.Session()
        self._session.trust_env = False
        for prefix in ("https://", "http://"):
            self._session.mount(prefix, last_look.Adapter())
        rest = _package()
        _check_address(access.base_url)
        self._trading: Any = None
        if access.credentials:
            trading = access.base_url.rstrip("/") or (PAPER if access.sandbox else REAL)
            self._trading = self._carrier(rest, trading)
            self._data = self._carrier(rest, access.base_url.rstrip("/") or DATA)

    def _carrier(self, rest: Any, base_url: str) -> Any:
        carry = self._carry

        class Carrier(rest.RESTClient):
            """The package's addresses and headers, our way to the network."""

            def _one_request(self, method: str, url: str, opts: dict[str, Any], retry: int) -> Any:
                return carry(method, url, opts)

        keys = self._access.credentials
        return Carrier(base_url=base_url, api_key=keys.get("api_key"), secret_key=keys.get("secret"), raw_data=True)

    def get(self, path: str, data: dict[str, Any] | None = None, *, keys: str, market_data: bool = False) -> Any:
        return self._ask("GET", path, data, keys=keys, market_data=market_data)

    def delete(self, path: str, *, keys: str) -> Any:
        return self._ask("DELETE", path, None, keys=keys)

    def order(self, data: dict[str, Any], *, keys: str, expires_at: datetime | None) -> Any:
        """Sends an order once, and not past `expires_at` (BrokerTemporary then)."""
        return self._ask("POST", "/orders", {**data, _EXPIRES: expires_at}, keys=keys)

    def _ask(self, method: str, path: str, data: Any, *, keys: str, market_data: bool = False) -> Any:
        if self._trading is None:
            raise BrokerRejected("this account has no API key: enter one", code=Rejection.NO_CREDENTIALS)
        self._access.throttle.wait(keys)
        client = self._data if market_data else self._trading
        try:
            return client._request(method, path, data)
        except errors.Limited as limited:
            self._access.throttle.hold(keys, seconds=limited.retry_after)
            raise

    def _carry(self, method: str, url: str, opts: dict[str, Any]) -> Any:
        body = opts.pop("json", None)
        expires_at = body.pop(_EXPIRES, None) if isinstance(body, dict) else None
        opts |= {"allow_redirects": False, "timeout": (CONNECT_SECONDS, _read_seconds(expires_at))}
        if expires_at is not None and clock.now() >= expires_at:
            raise BrokerTemporary("the order was not sent: its time was over", code="expired_unsent")
        try:
            with last_look.placing(expires_at is not None):
                response = self._session.request(method, url, json=body, **opts)
        except requests.RequestException as error:
            raise errors.without_answer(error, method) from None
        finally:
            self._access.throttle.done()
        return errors.read(response, method, self._secrets, _loads)


_EXPIRES = "_expires_at"


def _loads(text: str) -> Any:
    return json.loads(text, parse_float=Decimal)


def _read_seconds(expires_at: datetime | None) -> float:
    if expires_at is None:
        return READ_SECONDS
    return min(READ_SECONDS, max(1.0, (expires_at - clock.now()).total_seconds()))


def _package() -> Any:
    try:
        return import_module("alpaca.common.rest")
    except ImportError as error:
        raise ConfigurationError(
            "accounts at Alpaca need alpaca-py: pip install -r requirements-stocks.txt", code="not_installed"
        ) from error


def _check_address(base_url: str) -> None:
    if not base_url:
        return
    parts = urlsplit(base_url)
    try:
        local = ipaddress.ip_address(parts.hostname or "").is_loopback
    except ValueError:
        local = parts.hostname == "localhost"
    if parts.scheme not in ("http", "https") or not parts.hostname or (parts.scheme == "http" and not local):
        raise ConfigurationError(f"base_url {base_url!r}: keys travel over https only, but for this machine itself")
