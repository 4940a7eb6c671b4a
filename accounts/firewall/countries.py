"""An address's country by the registries' own tables, offline.

It is the country to which a registry (RIPE, ARIN …) assigned the block, not where the machine stands; for IPv4 the
two agree for some 95 of 100 addresses. Cloudflare's header, where there is one, knows better and goes first.
"""

from __future__ import annotations

from tradeops.core.network import Address


def of(address: Address | None) -> str:
    """ISO 3166 alpha-2, or empty where no registry knows it (private networks, for one)."""
    if address is None:
        return ""
    # Its table takes 1.5 MB; a portal without country rules and refusals never loads it.
    from iptocc import country_code

    return country_code(str(address)) or ""
