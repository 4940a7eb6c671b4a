"""Requests to the portal: signed in, with an end to every wait, and each failure one of `errors`."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, NoReturn
from urllib.parse import parse_qsl, urlsplit

import requests

from . import reading
from .errors import (
    BadAnswer,
    Busy,
    EventsGone,
    FillsGone,
    Forbidden,
    NotFound,
    RateLimited,
    Refused,
    ServerFailed,
    Unauthorised,
    Unreachable,
)
from .reading import Row

MOST_BYTES = 32 * 1024 * 1024
LOOPBACK = ("localhost", "127.0.0.1", "::1")
Params = Mapping[str, str | int]


class Secret:
    """Text that nobody prints, logs or pickles by mistake."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        return self._text

    def __repr__(self) -> str:
        return "Secret(…)"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret is not for pickling or copying")


@dataclass(frozen=True)
class SignIn:
    """Name and password, or a token as it is; `otp` where the person has a device."""

    username: str = ""
    password: Secret | None = None
    otp: Secret | None = None
    token: Secret | None = None


@dataclass(frozen=True)
class _Pair:
    access: Secret
    refresh: Secret | None = None


@dataclass(frozen=True)
class _Raw:
    status: int
    headers: Mapping[str, str]
    content: bytes = field(repr=False)  # of a sign-in, tokens


@dataclass(frozen=True)
class Answer:
    """`row` is None where nothing is new since the ETag that was given."""

    row: Row | None
    etag: str = ""


class Transport:
    """For any number of threads."""

    def __init__(self, url: str, sign_in: SignIn, *, timeout: float, ca_file: str | None, plain_http: bool) -> None:
        self.url = _checked(url, plain_http=plain_http)
        self._sign_in = sign_in
        self._timeout = timeout
        self._pair = _Pair(sign_in.token) if sign_in.token else None
        self._renewing = threading.Lock()
        self._session = requests.Session()
        self._session.trust_env = False  # neither proxies nor .netrc of whoever runs this
        self._session.verify = ca_file or True

    def close(self) -> None:
        self._session.close()

    def get(self, path: str, params: Params | None = None, *, etag: str = "") -> Answer:
        """Raises whatever of `errors` fits."""
        headers = {"If-None-Match": etag} if etag else {}
        pair = self._pair or self._renew(None)
        raw = self._send("GET", path, params=params, headers=headers, bearer=pair.access)
        if raw.status == 401 and self._sign_in.token is None:  # the token has run out: once more with another
            pair = self._renew(pair)
            raw = self._send("GET", path, params=params, headers=headers, bearer=pair.access)
        if raw.status == 304:
            return Answer(None, etag)
        if raw.status != 200:
            _refuse(raw)
        return Answer(Row(reading.parsed(raw.content), "body"), raw.headers.get("ETag", ""))

    def body(self, path: str, params: Params | None = None) -> Row:
        row = self.get(path, params).row
        if row is None:
            raise BadAnswer("The portal answered that nothing is new, which was not the question.")
        return row

    def listed(self, path: str, params: Params | None = None) -> Iterator[list[Row]]:
        """The pages of a list, as the API orders it."""
        asked = dict(params or {})
        while True:
            page = self.body(path, asked)
            yield page.rows("results")
            following = page.maybe("next", page.text)
            if following is None:
                return
            asked = dict(parse_qsl(urlsplit(following).query))  # only the place: the address stays ours

    # Signing in -------------------------------------------------------------------------------------------------

    def _renew(self, stale: _Pair | None) -> _Pair:
        """A pair other than `stale`; one thread signs in for all. A refresh token works once."""
        with self._renewing:
            if self._pair is not None and self._pair is not stale:
                return self._pair
            refresh = self._pair.refresh if self._pair else None
            self._pair = None  # whatever comes of it, the old one is used up
            found = self._refreshed(refresh) if refresh else None
            self._pair = found or self._signed_in()
            return self._pair

    def _refreshed(self, refresh: Secret) -> _Pair | None:
        raw = self._send("POST", "/api/v1/auth/refresh", body={"refresh": refresh.reveal()})
        return _pair(raw) if raw.status != 401 else None

    def _signed_in(self) -> _Pair:
        if self._sign_in.password is None:
            raise Unauthorised("The token is not good any more, and there is no password to get another.")
        body = {"username": self._sign_in.username, "password": self._sign_in.password.reveal()}
        if self._sign_in.otp is not None:
            body["otp"] = self._sign_in.otp.reveal()
        return _pair(self._send("POST", "/api/v1/auth/token", body=body))

    # The wire ---------------------------------------------------------------------------------------------------

    def _send(
        self,
        method: str,
        path: str,
        *,
        params: Params | None = None,
        headers: Mapping[str, str] | None = None,
        body: Any = None,
        bearer: Secret | None = None,
    ) -> _Raw:
        signed = {"Authorization": f"Bearer {bearer.reveal()}"} if bearer else {}
        try:
            with self._session.request(
                method, self.url + path, params=params, json=body, headers={**(headers or {}), **signed},
                timeout=self._timeout, allow_redirects=False, stream=True,
            ) as response:  # fmt: skip
                return _Raw(response.status_code, response.headers, self._content(response))
        except requests.Timeout:
            problem = f"did not answer within {self._timeout:g} s"
        except requests.exceptions.SSLError:
            problem = "showed a certificate that is not accepted"
        except requests.RequestException:
            problem = "cannot be reached, or hung up"
        # Out of the handlers: an error of requests holds the request, and that the token or the password.
        raise Unreachable(f"{self.url} {problem}.")

    def _content(self, response: requests.Response) -> bytes:
        until, parts, size = time.monotonic() + 3 * self._timeout, [], 0
        for part in response.iter_content(65536):
            parts.append(part)
            size += len(part)
            if size > MOST_BYTES:
                raise BadAnswer(f"{self.url} answers with more than {MOST_BYTES} bytes.")
            if time.monotonic() > until:
                raise requests.Timeout
        return b"".join(parts)


def _checked(url: str, *, plain_http: bool) -> str:
    """Without a last slash. Passwords and tokens go by TLS, to this machine excepted."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise ValueError("url: the portal's address, such as https://trade.example.com")
    if parts.username or parts.password:
        raise ValueError("url: name and password are given apart from the address")
    if parts.scheme == "http" and parts.hostname not in LOOPBACK and not plain_http:
        raise ValueError("url: https, or say plain_http=True where the network itself is trusted")
    return url.rstrip("/")


def _pair(raw: _Raw) -> _Pair:
    if raw.status != 200:
        _refuse(raw)
    row = Row(reading.parsed(raw.content), "sign-in")
    return _Pair(Secret(row.text("access")), Secret(row.text("refresh")))


_GONE = {"events_gone": EventsGone, "fills_gone": FillsGone}
_BY_STATUS = {401: Unauthorised, 403: Forbidden, 404: NotFound}


def _refuse(raw: _Raw) -> NoReturn:
    code, message = _said(raw)
    if code in _GONE:
        raise _GONE[code](message)
    if raw.status in _BY_STATUS:
        raise _BY_STATUS[raw.status](message)
    if raw.status in (429, 503):
        kind = RateLimited if raw.status == 429 else Busy
        raise kind(message, retry_after=_seconds(raw.headers.get("Retry-After", "")))
    if raw.status >= 500:
        raise ServerFailed(message, status=raw.status)
    raise Refused(message, status=raw.status, code=code)


def _said(raw: _Raw) -> tuple[str, str]:
    """The portal's code and sentence; of anything else that answers, only the status."""
    try:
        error = Row(reading.parsed(raw.content), "body").row("error")
        code = error.text("code")
    except BadAnswer:
        return "", f"The portal answered with HTTP {raw.status}."
    try:
        return code, f"{error.text('message')} (HTTP {raw.status})"
    except BadAnswer:  # several fields, with what is wrong with each
        return code, f"{dict(error.mapping('message'))} (HTTP {raw.status})"


def _seconds(header: str) -> float | None:
    """Of Retry-After: seconds or a date (RFC 9110, 10.2.3)."""
    text = header.strip()
    if text.isascii() and text.isdigit() and len(text) <= 7:
        return float(text)
    try:
        at = parsedate_to_datetime(text)
    except ValueError:
        return None
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    return max(0.0, (at - datetime.now(UTC)).total_seconds())
