"""Values out of the API's JSON, or BadAnswer naming the field."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, NoReturn, TypeVar

from .errors import BadAnswer

T = TypeVar("T")


def parsed(content: bytes) -> Any:
    """JSON whose fractions are Decimal; NaN and Infinity are none."""
    try:
        return json.loads(content, parse_float=Decimal, parse_constant=_refuse)
    except (ValueError, RecursionError):
        pass
    raise BadAnswer("The answer is not JSON: is this the portal's address?")


def _refuse(word: str) -> NoReturn:
    raise ValueError(word)


class Row:
    """One object of an answer. Fields that are not asked for are not looked at."""

    def __init__(self, value: Any, what: str) -> None:
        if not isinstance(value, Mapping):
            raise BadAnswer(f"The answer has no {what} where one was expected.")
        self._value, self._what = value, what

    def has(self, name: str) -> bool:
        """There, and not null."""
        return self._value.get(name) is not None

    def text(self, name: str) -> str:
        return self._of(name, str)

    def whole(self, name: str) -> int:
        value = self._of(name, int)
        if isinstance(value, bool):
            self._bad(name)
        return value

    def flag(self, name: str) -> bool:
        return self._of(name, bool)

    def ratio(self, name: str) -> float:
        return float(self.amount(name))

    def amount(self, name: str) -> Decimal:
        """Text or a JSON number; always finite."""
        value = self._value.get(name)
        if isinstance(value, bool) or not isinstance(value, str | int | Decimal):
            self._bad(name)
        try:
            found = Decimal(value)
        except InvalidOperation:
            found = Decimal("NaN")
        if not found.is_finite():
            self._bad(name)
        return found

    def moment(self, name: str) -> datetime:
        text, found = self.text(name), None
        with suppress(ValueError):
            found = datetime.fromisoformat(text)
        if found is None or found.tzinfo is None:
            self._bad(name)
        return found.astimezone(UTC)

    def maybe(self, name: str, read: Callable[[str], T]) -> T | None:
        """`read` of the field, None for null."""
        return read(name) if self.has(name) else None

    def row(self, name: str, what: str = "") -> Row:
        return Row(self._value.get(name), what or name)

    def rows(self, name: str) -> list[Row]:
        return [Row(value, name) for value in self._of(name, list)]

    def texts(self, name: str) -> tuple[str, ...]:
        found = self._of(name, list)
        if not all(isinstance(one, str) for one in found):
            self._bad(name)
        return tuple(found)

    def items(self, name: str) -> Iterable[tuple[str, Row]]:
        return [(key, Row(value, key)) for key, value in self.mapping(name).items()]

    def mapping(self, name: str) -> Mapping[str, Any]:
        return self._of(name, dict)

    def _of(self, name: str, kind: type[T]) -> T:
        value = self._value.get(name)
        if not isinstance(value, kind):
            self._bad(name)
        return value

    def _bad(self, name: str) -> NoReturn:
        raise BadAnswer(f"The answer's {self._what} has no {name} that can be understood.")
