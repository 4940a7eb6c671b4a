"""Where an endpoint's health is asked for (R1, L1): `/health` at its origin, whatever the path of its messages."""

from __future__ import annotations

from yarl import URL


def of(url: str) -> str:
    """`https://vps.example.com:8443/hook?x=1` → `https://vps.example.com:8443/health`."""
    return str(URL(url).origin().with_path("/health"))
