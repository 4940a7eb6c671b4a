"""Accounts with keys of their own, made when the venue starts: nothing secret is in the code."""

from __future__ import annotations

import json
import secrets
import uuid
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

from .books import Books

BALANCES = {"USDT": "100000", "BTC": "1"}


def account(number: int, *, balances: Mapping[str, str] | None = None, **settings: Any) -> Books:
    """account-1, account-2 … with a key in OKX's form."""
    cash = {currency: Decimal(amount) for currency, amount in (BALANCES if balances is None else balances).items()}
    return Books(
        name=f"account-{number}",
        key=settings.pop("key", None) or str(uuid.uuid4()),
        secret=settings.pop("secret", None) or secrets.token_hex(16).upper(),
        passphrase=settings.pop("passphrase", None) or secrets.token_urlsafe(12),
        cash=cash,
        **settings,
    )


def credentials(books: Books) -> dict[str, str]:
    return {"api_key": books.key, "secret": books.secret, "passphrase": books.passphrase}


def read_credentials(path: Path) -> list[dict[str, str]]:
    """A JSON list of {"api_key", "secret", "passphrase"}, one for each account. Raises ValueError."""
    found = json.loads(path.read_text(encoding="utf-8"))
    names = {"api_key", "secret", "passphrase"}
    if not isinstance(found, list) or not all(isinstance(one, dict) and set(one) == names for one in found):
        raise ValueError(f"{path}: a list of objects with api_key, secret and passphrase")
    return found
