"""JSON that is safe to store and exact to trade on: what Python's parser lets through is refused here (I10)."""

from __future__ import annotations

import json
from decimal import Decimal, InvalidOperation
from typing import Any

from tradeops.core.errors import InvalidPayload

MAX_DEPTH = 32
MAX_NUMBER_DIGITS = 40


def loads(text: str) -> Any:
    """The value, with every fraction as the exact Decimal its text says. Raises InvalidPayload."""
    try:
        return _DECODER.decode(text)
    except json.JSONDecodeError as error:
        raise InvalidPayload(f"not valid JSON: {error.msg} (line {error.lineno}, column {error.colno})") from None
    except RecursionError:
        raise InvalidPayload(_TOO_DEEP) from None


def storable(value: Any, *, field: str | None = None, depth: int = 1) -> Any:
    """A copy that any database's JSON column takes: no Decimals, NULs, lone surrogates or deep nesting.

    A fraction becomes a JSON number where a double holds it to the last digit, else its text.
    Raises InvalidPayload naming the top-level field.
    """
    if depth > MAX_DEPTH:
        raise _refusal(_TOO_DEEP, field)
    if isinstance(value, str):
        return _text(value, field)
    if isinstance(value, Decimal):
        number = float(value)
        return number if Decimal(repr(number)) == value else str(value)
    if isinstance(value, dict):
        return {
            _text(key, field or key): storable(item, field=field or key, depth=depth + 1) for key, item in value.items()
        }
    if isinstance(value, list):
        return [storable(item, field=field, depth=depth + 1) for item in value]
    return value


def canonical(value: Any) -> bytes:
    """One spelling for equal values: sorted keys, no spaces, 1.50 = 1.5 and 1.0 = 1."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), default=_canonical_number).encode()


def printable(name: str) -> str:
    """A sender's key as it may stand in an answer or a log line: bounded ASCII."""
    return name[:60].encode("ascii", "backslashreplace").decode().replace("\x00", "\\x00")


def _canonical_number(value: object) -> object:
    assert isinstance(value, Decimal)
    return int(value) if value == value.to_integral_value() else format(value.normalize(), "f")


def _text(value: str, field: str | None) -> str:
    if "\x00" in value:
        raise _refusal("holds a NUL character, which no database stores", field)
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError:
            raise _refusal("holds half of a surrogate pair, which is not a character", field) from None
    return value


def _refusal(reason: str, field: str | None) -> InvalidPayload:
    return InvalidPayload(reason, field=None if field is None else printable(field))


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        seen: set[str] = set()
        twice = next(name for name, _ in pairs if name in seen or seen.add(name))  # type: ignore[func-returns-value]
        raise InvalidPayload("is given twice; which one counts would be a guess", field=printable(twice))
    return found


def _fraction(text: str) -> Decimal:
    try:
        value = Decimal(text)
    except InvalidOperation:
        raise InvalidPayload(_TOO_LARGE) from None
    digits = len(value.as_tuple().digits) if value.is_finite() else MAX_NUMBER_DIGITS + 1
    if digits > MAX_NUMBER_DIGITS or abs(value.adjusted()) > MAX_NUMBER_DIGITS:
        raise InvalidPayload(_TOO_LARGE)
    return value


def _integer(text: str) -> int:
    if len(text) > MAX_NUMBER_DIGITS:
        raise InvalidPayload(_TOO_LARGE)
    return int(text)


def _constant(text: str) -> Any:
    raise InvalidPayload(f"{text} is not a JSON number")


_TOO_DEEP = f"nested more than {MAX_DEPTH} levels deep"
_TOO_LARGE = "holds a number with too many digits, or too large or small a number"
_DECODER = json.JSONDecoder(
    object_pairs_hook=_object, parse_float=_fraction, parse_int=_integer, parse_constant=_constant
)
