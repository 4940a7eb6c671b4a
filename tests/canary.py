"""A secret that is looked for wherever it must not be: as it is, and in every dress in which it could get about."""

from __future__ import annotations

import base64
import html
import json
import secrets
from urllib.parse import quote, quote_plus


def hatch(name: str) -> str:
    """A value that looks different once it is escaped, and occurs nowhere else."""
    return f"{name}/{secrets.token_hex(12)}+&=é"


def dresses(value: str) -> set[bytes]:
    """Raw, HTML, JSON, URL-encoded, hex, and base64 at any offset inside a longer text."""
    raw = value.encode()
    texts = {
        value, html.escape(value), json.dumps(value)[1:-1], quote(value), quote(value, safe=""), quote_plus(value),
        repr(value)[1:-1], raw.hex(), raw.hex().upper(),
    }  # fmt: skip
    return {text.encode() for text in texts} | _base64(raw)


def _base64(raw: bytes) -> set[bytes]:
    """What is the same whatever stands before and after: the first and last characters depend on the neighbours."""
    found = set()
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        for offset in range(3):
            text = encode(b"\0" * offset + raw + b"\0" * 3)
            first = -(-offset * 8 // 6)
            last = (offset + len(raw)) * 8 // 6
            found.add(text[first + (1 if offset else 0) : last])
    return found


class Aviary:
    """The canaries of one test, by name."""

    def __init__(self) -> None:
        self.values: dict[str, str] = {}
        self._dresses: dict[str, set[bytes]] = {}

    def new(self, name: str) -> str:
        return self.add(name, hatch(name))

    def add(self, name: str, value: str) -> str:
        self.values[name] = value
        self._dresses[name] = dresses(value)
        return value

    def seen_in(self, content: bytes | bytearray | str) -> list[str]:
        """The names of those that are in it, in any dress."""
        data = content.encode("utf-8", "surrogatepass") if isinstance(content, str) else content
        return sorted(name for name, forms in self._dresses.items() if any(form in data for form in forms))
