"""What the parsers of other services' messages share: taking fields by their own names, and refusing clearly.

They read what those services document, exactly. A size in a unit that has no counterpart here is kept under the
sender's name and gives no quantity: a strategy with a size of its own trades, one that sizes by the message says that
it cannot. What would change the meaning of the trade is refused: a part of a position, a delay, a price that follows
the market.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from signals.intake import readers
from tradeops.core.errors import InvalidPayload


def renamed(content: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    """The same with `names` (theirs → ours); two fields that come to the same name must agree."""
    found: dict[str, Any] = {}
    for name, value in content.items():
        ours = names.get(name, name)
        if ours in found and found[ours] != value:
            raise InvalidPayload(f"contradicts another field: it is another name for {ours}", field=name)
        found[ours] = value
    return found


def word(content: Mapping[str, Any], name: str, known: Mapping[str, Any]) -> str:
    """The field in lower case, one of `known`; empty where it is not given. Raises InvalidPayload."""
    value = content.get(name)
    if value in (None, ""):
        return ""
    text = value.strip().lower() if isinstance(value, str) else ""
    if text not in known:
        raise InvalidPayload(f"must be one of {', '.join(known)}", field=name)
    return text


def refuse(content: Mapping[str, Any], name: str, reason: str, *, harmless: tuple[Any, ...] = ()) -> None:
    """Raises InvalidPayload if the field is given with anything but a `harmless` value."""
    value = content.get(name)
    if value not in (None, "", *harmless):
        raise InvalidPayload(reason, field=name)


def is_number(value: Any, wanted: int) -> bool:
    """Whether a JSON number or the text of one is `wanted`."""
    try:
        return readers.number(value) == wanted
    except ValueError:
        return False
