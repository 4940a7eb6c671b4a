"""Lists of OKX: a hundred rows a request, newest first; `after` an id gives what is older."""

from __future__ import annotations

from collections.abc import Iterator

from accounts.brokers.base import BrokerTemporary

from .client import Client, Item

PAGE = 100
PAGES = 100


def rows(client: Client, path: str, params: dict[str, str], key: str, *, by: str) -> Iterator[Item]:
    """All rows; `by` names the id that pages are cut at. Raises BrokerTemporary past 10,000: nothing is left out
    silently."""
    after = ""
    for _ in range(PAGES):
        page = client.read(path, {**params, "limit": str(PAGE), "after": after}, key).data
        yield from page
        if len(page) < PAGE:
            return
        after = str(page[-1][by])
    raise BrokerTemporary(f"OKX lists more than {PAGE * PAGES} rows for {path}")
