"""One HTTP request at a time for notifiers: guarded, without proxies and redirects, bounded in time and size (L7)."""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import aiohttp

from relay.delivery.address import AddressRefused
from relay.delivery.transport import Transport
from tradeops.core.network import Network

from .base import NotifierFinal, NotifierTemporary

TOTAL_SECONDS = 10.0
MOST_BYTES = 2048
LONGEST_WAIT = 3600.0
# For an address that whoever runs the host has set in its environment.
ANYWHERE: tuple[Network, ...] = (ipaddress.ip_network("0.0.0.0/0"), ipaddress.ip_network("::/0"))


@dataclass(frozen=True)
class Answer:
    status: int
    text: str
    retry_after: float | None


class Wire:
    """Keeps its connections until `close`; driven from one thread, only inside its methods."""

    def __init__(self, who: str) -> None:
        self._who = who
        self._runner = asyncio.Runner()
        self._transport: Transport | None = None

    def post(self, url: str, body: bytes, headers: Mapping[str, str], *, networks: Sequence[Network]) -> Answer:
        """Raises NotifierTemporary when there is no answer, NotifierFinal where the address may not be connected to."""
        return self._ask("POST", url, body, headers, networks)

    def get(self, url: str, *, networks: Sequence[Network]) -> Answer:
        return self._ask("GET", url, None, {}, networks)

    def _ask(
        self, method: str, url: str, body: bytes | None, headers: Mapping[str, str], networks: Sequence[Network]
    ) -> Answer:
        try:
            coroutine = self._request(method, url, body, headers, tuple(networks))
            return self._runner.run(asyncio.wait_for(coroutine, TOTAL_SECONDS))
        except TimeoutError:
            raise NotifierTemporary(f"{self._who} did not answer in time") from None
        except aiohttp.InvalidURL:
            raise NotifierFinal(f"the address of {self._who} is not a valid URL", mend=True) from None
        except (aiohttp.ClientError, OSError) as error:
            refused = getattr(error, "os_error", error)
            if isinstance(refused, AddressRefused):
                raise NotifierFinal(f"{self._who}: {refused}", mend=True) from None
            raise NotifierTemporary(f"{self._who} could not be reached") from None

    async def _request(
        self, method: str, url: str, body: bytes | None, headers: Mapping[str, str], networks: tuple[Network, ...]
    ) -> Answer:
        if self._transport is not None and self._transport.networks != networks:
            await self._transport.close()
            self._transport = None
        if self._transport is None:
            self._transport = Transport(networks)
        session = self._transport.session_for(url)
        given = {**headers, "User-Agent": "TradeOps", "Accept-Encoding": "identity"}
        async with session.request(method, url, data=body, headers=given, allow_redirects=False) as response:
            text = (await response.content.read(MOST_BYTES)).decode("utf-8", "replace")
            return Answer(response.status, text, _seconds(response.headers.get("Retry-After", "")))

    def close(self) -> None:
        try:
            if self._transport is not None:
                self._runner.run(self._transport.close())
        finally:
            self._runner.close()


def judge(answer: Answer, who: str, *, said: str = "") -> None:
    """Returns for a 2xx. Raises NotifierTemporary or NotifierFinal; `said` is what the service said, safe to show."""
    status = answer.status
    if 200 <= status < 300:
        return
    if status == 429:
        wait = answer.retry_after
        raise NotifierTemporary(f"{who} asks to wait" + (f" {wait:g} s" if wait else ""), retry_after=wait)
    told = f"{who} answered {status}" + (f": {said}" if said else "")
    if status >= 500 or status in (408, 425):
        raise NotifierTemporary(told, retry_after=answer.retry_after)
    if 300 <= status < 400:
        raise NotifierFinal(f"{told}; redirects are not followed: set the address it moved to", mend=True)
    raise NotifierFinal(told, mend=status in (401, 403, 404, 405, 410))


def _seconds(text: str) -> float | None:
    """Only the form in seconds (RFC 9110 §10.2.3); a date depends on two clocks."""
    return min(float(text), LONGEST_WAIT) if text.isascii() and text.isdecimal() else None
