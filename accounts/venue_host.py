"""Where an account's credentials go: they are bound to it, and only TLS or loopback leads there (X9)."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

from accounts.brokers import kinds
from accounts.models import Account
from tradeops.core.errors import ConfigurationError


def of(account: Account) -> str:
    """Host and port of the account's venue, with the scheme where it is not https; the broker's name where the
    broker has no host of its own to tell. Raises ConfigurationError for an address that credentials must not go to."""
    if account.base_url:
        check_url(account.base_url)
        url = urlsplit(account.base_url)
        return url.netloc.lower() if url.scheme == "https" else f"{url.scheme}://{url.netloc.lower()}"
    hosts = kinds.capabilities(account.broker).hosts
    if not hosts:
        return account.broker
    host = hosts[-1] if account.sandbox else hosts[0]
    return urlsplit(host).netloc.lower() if "://" in host else host.lower()


def check_url(url: str) -> None:
    """Raises ConfigurationError unless it is https, or http to this very machine."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        raise ConfigurationError(f"base_url: {url[:200]!r} is not an address such as https://www.okx.com") from None
    if parts.scheme not in ("https", "http") or not host:
        raise ConfigurationError(f"base_url: {url[:200]!r} is not an address such as https://www.okx.com")
    if parts.username is not None or parts.password is not None:
        raise ConfigurationError("base_url: leave user and password out; credentials have fields of their own")
    if parts.scheme == "http" and not _is_loopback(host):
        raise ConfigurationError(f"base_url: use https; plain http is for this machine's own addresses, not {host}")


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
