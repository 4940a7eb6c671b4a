"""From an account to its broker. Brokers are kept: sessions, instruments and clock offsets live in them."""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from accounts import throttle, told, vault
from accounts.models import Account
from tradeops.core import configuration

from .base import Access, Broker, Throttle, Untold
from .kinds import broker_class, capabilities, kinds

__all__ = ["broker_for", "capabilities", "kinds", "public_broker"]

# The brokers of this process by the rows' keys; rebuilt where what they were made of has changed.
_kept: dict[object, tuple[object, Broker]] = {}
_making = threading.Lock()
# Opened once for each version of the configuration.
_credentials: configuration.Cached[dict[int, dict[str, str]]] = configuration.Cached(dict)


def _after_fork() -> None:
    """Connections are not for two processes."""
    _kept.clear()
    _making._at_fork_reinit()  # type: ignore[attr-defined]


os.register_at_fork(after_in_child=_after_fork)


def broker_for(account: Account) -> Broker:
    """The broker of one account, the same for every thread of this process as long as its settings are the same.

    It has the credentials if this process may open them. Raises ConfigurationError for a kind that is not there.
    """
    make = broker_class(account.broker)
    plain = _opened(account, make)
    facts = (make, plain, *(getattr(account, name) for name in _FIELDS))
    known = _kept.get(account.pk)
    if known is not None and known[0] == facts:
        return known[1]
    with _making:
        known = _kept.get(account.pk)
        if known is None or known[0] != facts:
            known = (facts, make(_access(account, make, plain)))
            _kept[account.pk] = known
        return known[1]


_FIELDS = (
    "slug", "broker", "market", "sandbox", "base_url", "margin_mode", "leverage", "currency", "fee_bps",
    "slippage_bps", "initial_balances",
)  # fmt: skip


def _opened(account: Account, make: Any) -> dict[str, str]:
    if not make.capabilities.credentials:
        return {}
    opened = _credentials()
    if account.pk not in opened:
        opened[account.pk] = vault.open_for(account)
    return opened[account.pk]


def _access(account: Account, make: Any, plain: dict[str, str]) -> Access:
    local = make.capabilities.local
    return Access(
        account_id=account.pk,
        slug=account.slug,
        broker=account.broker,
        market=account.market,
        throttle=_throttle(make, broker=account.broker, address=_address(account), owner=_owner(account, plain)),
        told=Untold() if local else told.Shared(address=_address(account), owner=_owner(account, plain)),
        sandbox=account.sandbox,
        base_url=account.base_url,
        margin_mode=account.margin_mode,
        leverage=account.leverage,
        currency=account.currency,
        fee_bps=account.fee_bps,
        slippage_bps=account.slippage_bps,
        initial_balances=account.initial_balances,
        credentials=plain,
    )


def _address(account: Account) -> str:
    return account.base_url or f"{account.broker}{':sandbox' if account.sandbox else ''}"


def _owner(account: Account, plain: Mapping[str, str]) -> str:
    """Two accounts with one key are one to the venue's limits. The key itself is not written anywhere."""
    key = plain.get("api_key", "")
    return f"key-{hashlib.sha256(key.encode()).hexdigest()[:20]}" if key else f"account-{account.pk}"


def _throttle(make: Any, *, broker: str, address: str, owner: str) -> Throttle:
    if make.capabilities.local:
        return throttle.Unlimited()
    return throttle.Shared(
        limits=throttle.limits_of(broker, rate_limit_ms=getattr(make, "rate_limit_ms", None)),
        address=address,
        owner=owner,
    )


def public_broker(kind: str, *, market: str, base_url: str = "") -> Broker:
    """A broker without an account, for what needs no credentials: instruments and prices of the real venue."""
    make = broker_class(kind)
    key, facts = (kind, market, base_url), (make, kind, market, base_url)
    with _making:
        known = _kept.get(key)
        if known is None or known[0] != facts:
            access = Access(
                account_id=0,
                slug=f"prices of {kind}",
                broker=kind,
                market=market,
                throttle=_throttle(make, broker=kind, address=base_url or kind, owner="nobody"),
                base_url=base_url,
                fee_bps=Decimal(0),
            )
            known = (facts, make(access))
            _kept[key] = known
    return known[1]
