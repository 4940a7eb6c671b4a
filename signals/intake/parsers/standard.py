"""A JSON object under the names of I3, which is also what every other parser produces."""

from __future__ import annotations

from typing import Any


def claims(content: Any) -> bool:
    return isinstance(content, dict)


def fields(content: dict[str, Any]) -> dict[str, Any]:
    return content
