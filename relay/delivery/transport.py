"""Connections to receivers: pooled, guarded by `address`, without proxies, cookies or redirects."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import aiohttp
from aiohttp.abc import AbstractResolver

from tradeops.core.network import Network

from . import address

# Under the 5 s after which common servers close an idle connection: a message is not sent into a closing one.
KEEPALIVE_SECONDS = 4


class Transport:
    """The connections under one list of allowed networks. `replace` it when the list changes.

    https goes to public and to allowed addresses, http to allowed ones only; so each has its own pool.
    """

    def __init__(self, networks: Sequence[Network], *, resolver: AbstractResolver | None = None) -> None:
        self.networks = tuple(networks)
        self._secure = _session(self.networks, plain=False, resolver=resolver)
        self._plain = _session(self.networks, plain=True, resolver=resolver)

    def session_for(self, url: str) -> aiohttp.ClientSession:
        return self._secure if url.lower().startswith("https:") else self._plain

    async def close(self, after: Sequence[asyncio.Task[None]] = ()) -> None:
        """Closes once the tasks that still use it are done."""
        if after:
            await asyncio.wait(after)
        await self._secure.close()
        await self._plain.close()


def _session(networks: Sequence[Network], *, plain: bool, resolver: AbstractResolver | None) -> aiohttp.ClientSession:
    connector = aiohttp.TCPConnector(
        socket_factory=address.socket_factory(networks=networks, plain=plain),
        resolver=resolver,
        limit=0,  # the sender bounds each endpoint; a common bound would let a sick one starve the others
        keepalive_timeout=KEEPALIVE_SECONDS,
    )
    return aiohttp.ClientSession(
        connector=connector,
        trust_env=False,
        auto_decompress=False,
        cookie_jar=aiohttp.DummyCookieJar(),
    )
