"""One HTTP exchange, and whether a failure came before or after the bytes left (X6)."""

from __future__ import annotations

import ipaddress
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import certifi
from urllib3 import BaseHTTPResponse, HTTPConnectionPool, Timeout
from urllib3.exceptions import (
    ConnectTimeoutError,
    HTTPError,
    NewConnectionError,
    ReadTimeoutError,
    SSLError,
    TimeoutError,
)

from accounts.brokers import last_look
from accounts.brokers.base import BrokerRejected, BrokerTemporary, Rejection

CONNECT_SECONDS = 2.0
READ_SECONDS = 5.0
MAX_BYTES = 4 * 1024 * 1024
KEPT_CONNECTIONS = 64


class LostAfterSend(Exception):
    """The bytes left, or may have left, and no whole answer came."""


@dataclass(frozen=True)
class Reply:
    status: int
    headers: Mapping[str, str]
    body: bytes


class Transport:
    """Keeps connections to one address; shared by threads. No redirects, cookies, proxies or retries.

    By urllib3 itself: `requests` on top of it costs as much again, for what a signed request does not need.
    """

    def __init__(self, base_url: str) -> None:
        self.base_url = checked(base_url).rstrip("/")
        parts = urlsplit(self.base_url)
        self._prefix = parts.path
        options: dict[str, Any] = {"port": parts.port, "maxsize": KEPT_CONNECTIONS, "retries": False}
        host = parts.hostname or ""
        self._pool: HTTPConnectionPool = (
            last_look.SecurePool(host, cert_reqs="CERT_REQUIRED", ca_certs=certifi.where(), **options)
            if parts.scheme == "https"
            else last_look.Pool(host, **options)
        )

    def send(
        self, method: str, path: str, *, headers: Mapping[str, str], body: str, seconds: float = READ_SECONDS
    ) -> Reply:
        """Raises BrokerTemporary where nothing was sent, LostAfterSend where nobody can tell."""
        deadline = time.monotonic() + CONNECT_SECONDS + seconds
        try:
            answer = self._pool.urlopen(
                method,
                self._prefix + path,
                body=body.encode() or None,
                headers={"Accept-Encoding": "gzip, deflate", **headers},
                redirect=False,
                assert_same_host=False,
                timeout=Timeout(connect=CONNECT_SECONDS, read=seconds),
                preload_content=False,
            )
        except (HTTPError, ValueError) as error:
            if _before_sending(error):
                raise BrokerTemporary(f"OKX cannot be reached ({_reason(error)}); nothing was sent") from None
            raise LostAfterSend(_reason(error)) from None
        try:
            return Reply(answer.status, answer.headers, _read(answer, deadline))
        except BaseException:
            answer.close()  # what is left of the answer is nobody's
            raise
        finally:
            answer.release_conn()


def checked(base_url: str) -> str:
    """The address, if it is TLS or this very machine. Raises BrokerRejected."""
    parts = urlsplit(base_url)
    if parts.scheme == "https" and parts.hostname:
        return base_url
    if parts.scheme == "http" and _is_loopback(parts.hostname or ""):
        return base_url
    raise BrokerRejected(
        "the account's base_url must begin with https:// (plain http only leads to this machine itself)",
        code=Rejection.UNSUPPORTED,
    )


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _read(answer: BaseHTTPResponse, deadline: float) -> bytes:
    """The body up to MAX_BYTES; a time-out holds between two packets only, hence the deadline, which is looked at after
    each of them."""
    found = bytearray()
    while chunk := _some(answer):
        found += chunk
        if len(found) > MAX_BYTES:
            raise LostAfterSend("the answer was too large")
        if time.monotonic() > deadline:
            raise LostAfterSend("the answer came too slowly")
    return bytes(found)


def _some(answer: BaseHTTPResponse) -> bytes:
    try:
        return answer.read1(65536, decode_content=True)
    except HTTPError as error:
        raise LostAfterSend(
            "no answer in time" if isinstance(error, ReadTimeoutError) else "the connection broke"
        ) from None


def _before_sending(error: Exception) -> bool:
    if isinstance(error, SSLError):
        return "CERTIFICATE_VERIFY_FAILED" in str(error)
    # A ValueError is a header or an address that cannot be written down.
    return isinstance(error, ConnectTimeoutError | NewConnectionError | ValueError)


def _reason(error: Exception) -> str:
    """What happened, in words that hold no address, header or secret."""
    if isinstance(error, SSLError):
        return "TLS failed: its certificate does not hold" if _before_sending(error) else "TLS failed"
    if isinstance(error, NewConnectionError):
        return "connection refused or its name not found"
    if isinstance(error, ConnectTimeoutError):
        return "no connection in time"
    if isinstance(error, TimeoutError):
        return "no answer in time"
    return "the request cannot be written" if isinstance(error, ValueError) else "the connection broke"
