"""Requests to OKX v5: signed, under the throttle, sent once; the answer's code decides what is raised.

Signature: Base64(HMAC-SHA256(timestamp + METHOD + path?query + body)), the timestamp at most 30 s from the venue's
(documentation, «REST Authentication»); `expTime` and `x-simulated-trading` are headers («Request Effective Deadline»,
«Demo Trading Services»).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from typing import Any
from urllib.parse import urlencode

from accounts.brokers import last_look
from accounts.brokers.base import Access, BrokerError, BrokerRejected, BrokerTemporary, BrokerUnknown, Rejection
from tradeops.core import clock

from . import errors
from .clock import VenueClock
from .transport import READ_SECONDS, LostAfterSend, Reply, Transport

HOST = "https://www.okx.com"
PREFIX = "/api/v5"
MAX_RAW = 4000
FAILED = ("1", "2")  # all, or some, of the items failed: their own codes say why
Item = dict[str, Any]


@dataclass(frozen=True)
class Answer:
    """`data` as OKX gave it, `raw` its text without secrets; `rows` where the items are lists (candles)."""

    data: list[Item]
    raw: str
    rows: list[list[Any]] = field(default_factory=list)

    def first(self) -> Item:
        return self.data[0] if self.data else {}


@dataclass(frozen=True, kw_only=True)
class _Call:
    method: str
    target: str
    body: str
    keys: tuple[str, ...]
    signed: bool = True
    changes: bool = False
    single: bool = True
    expires_at: datetime | None = None
    expiry_header: bool = field(default=False)


class Client:
    """One account's way to OKX; shared by threads."""

    def __init__(self, access: Access, *, expires: bool = True) -> None:
        self._access = access
        self._expires = expires
        self._secrets = tuple(sorted((value for value in access.credentials.values() if value), key=len, reverse=True))
        self.clock = VenueClock()
        self._measuring = threading.Lock()

    @cached_property
    def _transport(self) -> Transport:
        return Transport(self._access.base_url or HOST)

    def public(self, path: str, params: Mapping[str, str], *keys: str) -> Answer:
        """A GET that needs no key. Raises BrokerTemporary or BrokerRejected."""
        return self._send(_Call(method="GET", target=_target(path, params), body="", keys=keys, signed=False))

    def read(self, path: str, params: Mapping[str, str], *keys: str) -> Answer:
        """A signed GET. Raises BrokerTemporary or BrokerRejected; it changes nothing, so nothing is unknown."""
        return self._again_by_its_clock(_Call(method="GET", target=_target(path, params), body="", keys=keys))

    def write(
        self,
        path: str,
        body: Item | Sequence[Item],
        *keys: str,
        expires_at: datetime | None = None,
        expiry_header: bool = False,
        single: bool = True,
    ) -> Answer:
        """A signed POST, sent once, and not at all past `expires_at`. Raises any BrokerError.

        With `single` the item's own code counts as the request's; without it the caller reads each item's.
        """
        call = _Call(
            method="POST",
            target=PREFIX + path,
            body=json.dumps(body, separators=(",", ":")),
            keys=keys,
            changes=True,
            single=single,
            expires_at=expires_at,
            expiry_header=expiry_header and self._expires,
        )
        if call.expiry_header and expires_at is not None and not self.clock.fresh:
            with self._measuring:  # one asks for all who wait: the venue counts these questions too
                if not self.clock.fresh:
                    self._measure()
        return self._again_by_its_clock(call)

    def _again_by_its_clock(self, call: _Call) -> Answer:
        """50102 means that the time of the request was refused, so nothing else was looked at: signed again, once."""
        try:
            return self._send(call)
        except BrokerRejected as error:
            if error.venue_code != errors.CLOCK:
                raise
        self._measure()
        return self._send(call)

    def _measure(self) -> None:
        self.clock.set(int(self.public("/public/time", {}, "time").first()["ts"]))

    def _send(self, call: _Call) -> Answer:
        self._access.throttle.wait(*call.keys)
        seconds, expiry = READ_SECONDS, ""
        if call.expires_at is not None:
            left, expiry = self._left(call.expires_at)
            seconds = min(seconds, max(left, 0.5))
        headers = self._headers(call, expiry)
        try:
            with last_look.placing(call.expires_at is not None):
                reply = self._transport.send(call.method, call.target, headers=headers, body=call.body, seconds=seconds)
        except LostAfterSend as error:
            raise _lost(str(error), changes=call.changes) from None
        finally:
            self._access.throttle.done()
        return self._read(call, reply)

    def _left(self, expires_at: datetime) -> tuple[float, str]:
        """Seconds until then, and then in the venue's milliseconds. Raises BrokerTemporary where it has passed.

        The venue's clock is read first: a process that is stopped in between then names a moment that is too early,
        never one that is too late.
        """
        venue_ms = self.clock.now_ms()
        left = (expires_at - clock.now()).total_seconds()
        if left <= 0:
            raise BrokerTemporary("the order was not sent in time; nothing reached the venue", code="expired")
        return left, str(venue_ms + int(left * 1000))

    def _headers(self, call: _Call, expiry: str) -> dict[str, str]:
        found = {"Content-Type": "application/json", "Accept": "application/json", "User-Agent": "tradeops"}
        if self._access.sandbox:
            found["x-simulated-trading"] = "1"
        if call.signed:
            found |= self._signed(call)
        if call.expiry_header and expiry:
            found["expTime"] = expiry
        return found

    def _signed(self, call: _Call) -> dict[str, str]:
        key, secret, passphrase = (self._credential(name) for name in ("api_key", "secret", "passphrase"))
        at = clock.iso_ms(datetime.fromtimestamp(self.clock.now_ms() / 1000, UTC)) or ""
        digest = hmac.new(secret.encode(), f"{at}{call.method}{call.target}{call.body}".encode(), hashlib.sha256)
        return {
            "OK-ACCESS-KEY": key,
            "OK-ACCESS-SIGN": base64.b64encode(digest.digest()).decode(),
            "OK-ACCESS-TIMESTAMP": at,
            "OK-ACCESS-PASSPHRASE": passphrase,
        }

    def _credential(self, name: str) -> str:
        value = self._access.credentials.get(name, "")
        if not value:
            raise BrokerRejected(
                f"the account has no {name} here: enter key, secret and passphrase", code=Rejection.NO_CREDENTIALS
            )
        if not (value.isascii() and value.isprintable()):
            raise BrokerRejected(
                f"the {name} holds characters that no OKX credential has: enter it again", code=Rejection.BAD_KEY
            )
        return value

    def _read(self, call: _Call, reply: Reply) -> Answer:
        raw = self._clean(reply.body)
        found = _parsed(reply.body)
        if reply.status == 429:
            self._hold(call, _retry_after(reply))
        if found is None:
            raise _no_answer(reply, raw, changes=call.changes)
        code, data = str(found["code"]), _items(found)
        failed = next((item for item in data if str(item.get("sCode") or "0") != "0"), None)
        if code in ("0", *FAILED) and failed is not None:
            if not call.single:
                return Answer(data, raw, _rows(found))
            # «51008_1000»: the part behind is a sub-code.
            code, message = str(failed["sCode"]).partition("_")[0], str(failed.get("sMsg") or "")
        else:
            message = self._text(str(found.get("msg") or ""))
        if code == "0":
            return Answer(data, raw, _rows(found))
        raise self._problem(call, code, message, reply=reply, raw=raw)

    def _problem(self, call: _Call, code: str, message: str, *, reply: Reply, raw: str) -> BrokerError:
        if code in errors.EXPIRED:
            self.clock.forget()
        if code in errors.LIMITED and reply.status != 429:
            self._hold(call, errors.TEMPORARY[code])
        error = errors.problem(code, self._text(message), raw=raw, changes=call.changes)
        if reply.status >= 500 and isinstance(error, BrokerRejected):
            return _lost(f"HTTP {reply.status}, {code}", changes=call.changes, raw=raw)
        if isinstance(error, BrokerTemporary) and reply.status == 429:
            error.retry_after = max(error.retry_after, _retry_after(reply))
        return error

    def _hold(self, call: _Call, seconds: float) -> None:
        self._access.throttle.hold(*call.keys, seconds=seconds)

    def _clean(self, body: bytes) -> str:
        return self._text(body.decode("utf-8", "replace"))[:MAX_RAW]

    def _text(self, text: str) -> str:
        for secret in self._secrets:
            text = text.replace(secret, "***")
        return text


def _target(path: str, params: Mapping[str, str]) -> str:
    query = urlencode({name: value for name, value in params.items() if value})
    return f"{PREFIX}{path}?{query}" if query else PREFIX + path


def _parsed(body: bytes) -> dict[str, Any] | None:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) and "code" in found else None


def _rows(found: dict[str, Any]) -> list[list[Any]]:
    data = found.get("data")
    return [row for row in data if isinstance(row, list)] if isinstance(data, list) else []


def _items(found: dict[str, Any]) -> list[Item]:
    data = found.get("data")
    return [item for item in data if isinstance(item, dict)] if isinstance(data, list) else []


def _retry_after(reply: Reply) -> float:
    try:
        return min(max(float(reply.headers.get("Retry-After", "")), 0.1), 60.0)
    except ValueError:
        return 1.0


def _lost(reason: str, *, changes: bool, raw: str = "") -> BrokerError:
    if changes:
        return BrokerUnknown(f"OKX: {reason}; whether it was accepted is being asked", raw=raw)
    return BrokerTemporary(f"OKX: {reason}; asked again later", raw=raw)


def _no_answer(reply: Reply, raw: str, *, changes: bool) -> BrokerError:
    """The answer is not OKX's: a proxy's or a gateway's page."""
    if reply.status == 429:
        wait = _retry_after(reply)
        return BrokerTemporary(
            "OKX: too many requests", code="rate_limited", retry_after=wait, venue_code="429", raw=raw
        )
    if reply.status == 403:
        return BrokerTemporary(
            "OKX's gateway refuses this address for now", retry_after=30.0, venue_code="403", raw=raw
        )
    if 300 <= reply.status < 500:
        text = f"HTTP {reply.status}: that is not OKX's API; check the account's base_url"
        return BrokerRejected(text, venue_code=str(reply.status), raw=raw)
    return _lost(f"HTTP {reply.status} without OKX's own answer", changes=changes, raw=raw)
