"""Alpaca's answers as errors by what to do next.

Codes: "Orders" and "Errors" of docs.alpaca.markets; 403 (40310000) is the account's refusal, 422 the order's.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any

import requests
import urllib3

from accounts.brokers import unclear
from accounts.brokers.base import BrokerError, BrokerRejected, BrokerTemporary, BrokerUnknown, Rejection

RAW_CHARACTERS = 4000

_WORDS = tuple(
    (re.compile(words, re.IGNORECASE), code, text)
    for words, code, text in (
        (
            r"client_order_id must be unique",
            Rejection.DUPLICATE_ID,
            "the venue has an order with this id already",
        ),
        (
            r"insufficient qty|cannot be sold short|not allowed to short",
            Rejection.NOTHING_TO_REDUCE,
            "fewer shares are free than the order would sell",
        ),
        (
            r"insufficient (buying power|day ?trading|balance)",
            Rejection.INSUFFICIENT_FUNDS,
            "the account's buying power is short of this order",
        ),
        (
            r"asset .*(not found|not tradable|not active)|could not find asset|invalid symbol",
            Rejection.UNKNOWN_INSTRUMENT,
            "the venue does not trade this symbol: check the strategy's symbol mapping",
        ),
        (
            r"sub-penny|increment|limit price must be|stop price must be|base_price",
            Rejection.BAD_PRICE,
            "the price is off the venue's tick, or on the wrong side of the market",
        ),
        (
            r"(qty|notional|cost basis).*(must be|minimal|>=|> 0|at least)|minimal amount",
            Rejection.BELOW_MINIMUM,
            "the order is below the venue's minimum",
        ),
        (
            r"fractional|not fractionable|extended hours|time_in_force|bracket",
            Rejection.UNSUPPORTED,
            "the venue does not take this kind of order for this symbol",
        ),
        (
            r"ip address|not allowed from",
            Rejection.ADDRESS_REFUSED,
            "the API key is bound to other IP addresses: add this machine's at the venue",
        ),
        (
            r"trade denied|trading.*(blocked|restricted|suspended)|account is (restricted|blocked)|pattern day",
            Rejection.NO_PERMISSION,
            "the venue has blocked trading on this account: see its dashboard",
        ),
    )
)
_BAD_KEY = (
    "the venue does not accept the API key (wrong or deleted, or one of the other environment: paper keys work with "
    "sandbox accounts only): check it in the account"
)


class Limited(BrokerTemporary):
    """The venue asks for fewer requests (200 a minute for each account)."""


class NotFound(BrokerRejected):
    """404: what was asked for is not there."""


def without_answer(error: requests.RequestException, method: str) -> BrokerError:
    """A time-out or a broken connection; an order may have arrived unless no connection came about."""
    reason = getattr(error.args[0], "reason", None) if error.args else None
    never_left = isinstance(error, requests.ConnectTimeout) or isinstance(reason, urllib3.exceptions.NewConnectionError)
    if method == "GET" or never_left:
        return BrokerTemporary("the venue cannot be reached")
    return BrokerUnknown("the venue did not answer; nobody can tell yet whether it took the request")


def read(response: requests.Response, method: str, secrets: Iterable[str], loads: Callable[[str], Any]) -> Any:
    """The answer's JSON; None for an empty one. Raises the broker's errors."""
    raw = _redacted(response.text, secrets)
    try:
        answer = loads(response.text) if response.text else None
    except ValueError:
        answer = None
    if response.ok and not response.is_redirect and (answer is not None or response.status_code == 204):
        return answer
    said = answer if isinstance(answer, dict) else {}
    raise _error(response, method, raw, code=str(said.get("code") or ""), words=str(said.get("message") or ""))


def _error(response: requests.Response, method: str, raw: str, *, code: str, words: str) -> BrokerError:
    status = response.status_code
    facts: dict[str, Any] = {"venue_code": (code or str(status))[:40], "raw": raw}
    said = f" ({words[:160]})" if words else ""
    if status == 429:
        wait = response.headers.get("Retry-After", "")
        seconds = float(wait) if wait.isdigit() else 1.0
        return Limited("the venue asks for fewer requests", code="rate_limited", retry_after=seconds, **facts)
    if status >= 500 or status == 408 or response.ok:
        if method == "GET":
            return BrokerTemporary(f"the venue did not answer as it should{said}", **facts)
        return BrokerUnknown(f"nobody can tell yet whether the venue took the request{said}", **facts)
    if status == 404:
        return NotFound(f"the venue does not know it{said}", code=Rejection.UNKNOWN_INSTRUMENT, **facts)
    if status == 401:
        return BrokerRejected(f"{_BAD_KEY}{said}", code=Rejection.BAD_KEY, **facts)
    for pattern, rejection, text in _WORDS:
        if pattern.search(words):
            return BrokerRejected(f"{text}{said}", code=rejection, **facts)
    if status == 403 and not code:
        return BrokerRejected(f"{_BAD_KEY}{said}", code=Rejection.BAD_KEY, **facts)
    if method != "GET" and unclear.is_lost(words):
        return BrokerUnknown(f"nobody can tell yet whether the venue took the request{said}", **facts)
    return BrokerRejected(f"the venue turned it down{said}", code=Rejection.REJECTED, **facts)


def _redacted(text: str, secrets: Iterable[str]) -> str:
    for secret in secrets:
        if len(secret) >= 4:
            text = text.replace(secret, "***")
    return text[:RAW_CHARACTERS]
