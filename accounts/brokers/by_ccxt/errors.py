"""What a failure means for the caller: try again, final, or nobody knows (X6). The only place that knows ccxt's errors.

ccxt's tree: an `ExchangeError` is the venue's word, an `OperationFailed` is a fault on the way. Its names alone do not
say whether an order was accepted (a 404 page is `ExchangeNotAvailable` there), so the HTTP status and the venue's code
decide first. Texts of ccxt's own errors are never shown: they hold URLs with signatures.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any

import requests
import urllib3

from accounts.brokers import unclear
from accounts.brokers.base import BrokerError, BrokerRejected, BrokerTemporary, BrokerUnknown, Rejection

from . import library
from .dialects import Dialect
from .wire import Call

RAW_CHARACTERS = 4000

_SAYS = {
    Rejection.BAD_KEY: "the venue does not accept the API key (wrong or deleted key, wrong secret, a key of the other "
    "environment, or one bound to another IP address): check them in the account",
    Rejection.BAD_PASSPHRASE: "the passphrase is wrong: enter the one that the API key was made with",
    Rejection.NO_PERMISSION: "the API key may not do this: allow trading on this market in the key's settings",
    Rejection.CLOCK: "this machine's clock differs too much from the venue's: synchronise it (NTP)",
    Rejection.ADDRESS_REFUSED: "the API key is bound to other IP addresses: add this machine's at the venue",
    Rejection.INSUFFICIENT_FUNDS: "the account's funds are short of this order",
    Rejection.UNKNOWN_INSTRUMENT: "the venue does not know this symbol: check the strategy's symbol mapping",
    Rejection.BELOW_MINIMUM: "the order is below the venue's minimum size or value, or off its lot",
    Rejection.ABOVE_MAXIMUM: "the order is above what the venue allows: lower the size or the leverage",
    Rejection.BAD_PRICE: "the price is off the venue's tick or outside its band",
    Rejection.POSITION_MODE: "the account's position mode (one-way or hedge) does not fit the order: do not change it "
    "at the venue while positions are open, and test the connection again",
    Rejection.NOTHING_TO_REDUCE: "there is no position, or not enough of it, to reduce",
    Rejection.WOULD_TAKE: "the order is post-only and would have traded at once",
    Rejection.UNSUPPORTED: "this kind of order is not possible at this exchange",
    Rejection.DUPLICATE_ID: "the venue has an order with this id already",
    Rejection.NO_CREDENTIALS: "this account has no API key: enter one",
    Rejection.REJECTED: "the venue turned it down",
}
# ccxt's classes, most telling first; what the venue wrote comes between the telling and the general.
_TELLING = (
    ("InsufficientFunds", Rejection.INSUFFICIENT_FUNDS),
    ("BadSymbol", Rejection.UNKNOWN_INSTRUMENT),
    ("DuplicateOrderId", Rejection.DUPLICATE_ID),
    ("OrderImmediatelyFillable", Rejection.WOULD_TAKE),
    ("InvalidNonce", Rejection.CLOCK),
)
_WORDS = tuple(
    (re.compile(words, re.IGNORECASE), code)
    for words, code in (
        (r"insufficient|not enough (balance|margin|fund)|balance.{0,20}(low|short)", Rejection.INSUFFICIENT_FUNDS),
        (r"passphrase", Rejection.BAD_PASSPHRASE),
        (r"unmatched ip|ip (address )?(is )?(not|white)|whitelist", Rejection.ADDRESS_REFUSED),
        (r"would immediately (match|trade)|post.?only", Rejection.WOULD_TAKE),
        (r"duplicate", Rejection.DUPLICATE_ID),
        (r"position (side|mode)|hedge mode|one.way mode", Rejection.POSITION_MODE),
        (r"reduce.?only", Rejection.NOTHING_TO_REDUCE),
        (r"PRICE_FILTER|PERCENT_PRICE|price.{0,30}(precision|tick|too (high|low)|limit)", Rejection.BAD_PRICE),
        (r"NOTIONAL|LOT_SIZE|minimum|too small|less than (the )?min|below", Rejection.BELOW_MINIMUM),
        (r"maximum|too large|exceed", Rejection.ABOVE_MAXIMUM),
    )
)
_GENERAL = (
    ("PermissionDenied", Rejection.NO_PERMISSION),
    ("AccountSuspended", Rejection.NO_PERMISSION),
    ("AuthenticationError", Rejection.BAD_KEY),
)
_CODE_NAMES = ("code", "retCode", "sCode", "err_code", "err-code", "errorCode", "label", "error_code", "ret_code")
_WORD_NAMES = ("msg", "retMsg", "sMsg", "message", "err_msg", "err-msg", "errorMessage", "error", "ret_msg")


def judged(error: Exception, call: Call, *, dialect: Dialect, secrets: Iterable[str]) -> BrokerError:
    """The broker's error for whatever ccxt, or the code around it, raised during `call`."""
    if isinstance(error, BrokerError):
        return error
    said = _Said(call, secrets)
    answered = call.status is not None
    if answered and call.status in (418, 429):
        return said.limited(_retry_after(call))
    if not answered:
        return _without_answer(error, call, said)
    if said.code in dialect.limited:
        return said.limited(_retry_after(call))
    if said.code in dialect.temporary:
        return said.temporary("the venue is busy")
    if said.code not in dialect.codes and _doubtful(error, call, dialect, said):
        return said.unknown() if call.sent else said.temporary("the venue did not answer as it should")
    if said.code not in dialect.codes and isinstance(error, _classes("RateLimitExceeded", "DDoSProtection")):
        return said.limited(_retry_after(call))
    if call.status in (404, 405) and not said.code:
        return said.rejected(Rejection.REJECTED, "the venue has no such address: check the account's base_url")
    return said.rejected(_rejection(error, said, dialect))


def _without_answer(error: Exception, call: Call, said: _Said) -> BrokerError:
    if isinstance(error, _classes("NetworkError", "ExchangeError")) and isinstance(error.__cause__, Exception):
        if call.sent and not _never_left(error.__cause__):
            return said.unknown()
        return said.temporary("the venue cannot be reached")
    if isinstance(error, _classes("BadSymbol")):
        return said.rejected(Rejection.UNKNOWN_INSTRUMENT)
    if isinstance(error, _classes("AuthenticationError")):
        return said.rejected(Rejection.NO_CREDENTIALS)
    if call.sent:
        return said.unknown()
    if isinstance(error, _classes("InvalidOrder", "ExchangeError")):
        return said.rejected(Rejection.UNSUPPORTED, f"{_SAYS[Rejection.UNSUPPORTED]} ({type(error).__name__})")
    return said.temporary(f"ccxt could not ask the venue ({type(error).__name__})")


def _doubtful(error: Exception, call: Call, dialect: Dialect, said: _Said) -> bool:
    """The venue answered, and its answer does not say whether it accepted the request."""
    assert call.status is not None
    if call.status >= 500 or call.status == 408 or said.code in dialect.unknown:
        return True
    if isinstance(error, _classes("InvalidNonce")):
        return False
    if unclear.is_lost(said.words):
        return True
    if isinstance(error, _classes("RateLimitExceeded", "DDoSProtection")):
        return False
    if unclear.asks_to_come_again(said.words) and _rejection(error, said, dialect) == Rejection.REJECTED:
        return True
    if isinstance(error, _classes("ExchangeNotAvailable")):
        return call.status < 400 or call.status == 409  # other pages of the venue's edge: it never got further
    # An answer that ccxt could not read, or faults on the way that it names.
    return not isinstance(error, _classes("ExchangeError"))


def _rejection(error: Exception, said: _Said, dialect: Dialect) -> Rejection:
    if said.code in dialect.codes:
        return dialect.codes[said.code]
    for name, code in _TELLING:
        if isinstance(error, _classes(name)):
            return code
    for words, code in _WORDS:
        if words.search(said.words):
            return code
    for name, code in _GENERAL:
        if isinstance(error, _classes(name)):
            return code
    return Rejection.REJECTED


def _never_left(cause: BaseException) -> bool:
    """No connection came about, so that nothing can have been accepted."""
    if isinstance(cause, requests.ConnectTimeout):
        return True
    if not isinstance(cause, requests.ConnectionError) or not cause.args:
        return False
    reason = getattr(cause.args[0], "reason", None)
    if isinstance(reason, urllib3.exceptions.SSLError):
        return "CERTIFICATE_VERIFY_FAILED" in str(reason)
    return isinstance(reason, urllib3.exceptions.NewConnectionError)


def _classes(*names: str) -> tuple[type[BaseException], ...]:
    package = library.ccxt()
    return tuple(getattr(package, name) for name in names)


def _retry_after(call: Call) -> float:
    text = next((value for name, value in call.headers.items() if name.lower() == "retry-after"), "")
    return float(text) if text.isdigit() else 1.0


class _Said:
    """The venue's code and words, and its answer without secrets."""

    def __init__(self, call: Call, secrets: Iterable[str]) -> None:
        self.raw = redacted(call.body, secrets)
        self.code, self.words = _parsed(self.raw)

    def _sentence(self, text: str) -> str:
        return f"{text} ({self.words[:160]})" if self.words else text

    def limited(self, wait: float) -> BrokerTemporary:
        return self.temporary("the venue asks for fewer requests", code="rate_limited", wait=wait)

    def temporary(self, text: str, *, code: str | None = None, wait: float = 1.0) -> BrokerTemporary:
        return BrokerTemporary(
            self._sentence(text), code=code, retry_after=wait, venue_code=self.code[:40], raw=self.raw
        )  # fmt: skip

    def rejected(self, code: Rejection, text: str = "") -> BrokerRejected:
        return BrokerRejected(
            self._sentence(text or _SAYS[code]), code=code, venue_code=self.code[:40], raw=self.raw
        )  # fmt: skip

    def unknown(self) -> BrokerUnknown:
        text = "nobody can tell yet whether the venue took the request"
        return BrokerUnknown(self._sentence(text), venue_code=self.code[:40], raw=self.raw)


def redacted(text: str, secrets: Iterable[str]) -> str:
    for secret in secrets:
        if len(secret) >= 4:
            text = text.replace(secret, "***")
    return text[:RAW_CHARACTERS]


def _parsed(body: str) -> tuple[str, str]:
    try:
        data = json.loads(body)
    except (ValueError, RecursionError):
        return "", ""
    # OKX tells of single orders in data[].
    items = [data] if isinstance(data, dict) else []
    if items and isinstance(items[0].get("data"), list):
        items = [item for item in items[0]["data"] if isinstance(item, dict) and item.get("sCode")] + items
    return _first(items, _CODE_NAMES), _first(items, _WORD_NAMES)


def _first(items: list[dict[str, Any]], names: tuple[str, ...]) -> str:
    for item in items:
        for name in names:
            if isinstance(item.get(name), str | int) and str(item[name]) not in ("", "0"):
                return str(item[name])
    return ""
