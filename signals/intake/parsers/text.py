"""The one-line form: `buy BTCUSDT qty=0.01 sl=2%`. An action or direction, a symbol, then `name=value` pairs."""

from __future__ import annotations

import shlex
from typing import Any

from signals.intake.normalise import ACTIONS, DIRECTIONS
from signals.strategies.heartbeat import HEARTBEAT
from tradeops.core.errors import InvalidPayload

MAX_LENGTH = 1000
_VERBS = frozenset({*ACTIONS, *DIRECTIONS, HEARTBEAT})
_EXPECTED = "must be a JSON object, or one line such as: buy BTCUSDT qty=0.01 sl=2%"


def claims(content: Any) -> bool:
    return isinstance(content, str)


def fields(content: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    words: list[str] = []
    for part in split(content):
        name, equals, value = part.partition("=")
        if not equals:
            words.append(part)
        elif name in found:
            raise InvalidPayload("is given twice; which one counts would be a guess", field=name[:60])
        else:
            found[name] = value
    if len(words) > 2 or (words and words[0].lower() not in _VERBS):
        raise InvalidPayload(_EXPECTED)
    for name, value in zip(_names(words), words, strict=False):
        if name in found:
            raise InvalidPayload("is given twice; which one counts would be a guess", field=name)
        found[name] = value
    return found


def split(content: str) -> list[str]:
    """The line's words, quoted ones whole. Raises InvalidPayload for a line that is too long or badly quoted."""
    if len(content) > MAX_LENGTH:
        raise InvalidPayload(f"a text message may have {MAX_LENGTH} characters")
    try:
        return shlex.split(content)
    except ValueError:
        raise InvalidPayload("a quotation mark is not closed") from None


def _names(words: list[str]) -> tuple[str, str]:
    return ("direction" if words and words[0].lower() in DIRECTIONS else "action", "symbol")
