"""The types a field can have. Each reads a node, or notes every fault it finds and raises `Unreadable`."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal as Number
from typing import Any, NoReturn, Protocol

from tradeops.core import money

from .errors import Located
from .reader import Mapping, Node, Scalar, Sequence


class Unreadable(Exception):
    """The node has no value. Why is among the noted faults already."""


@dataclass
class Faults:
    """What was found wrong with one file so far."""

    file: str
    found: list[Located] = field(default_factory=list)

    def note(self, line: int, path: str, message: str) -> None:
        fault = Located(self.file, line, path, message)
        if fault not in self.found:
            self.found.append(fault)


@dataclass(frozen=True)
class At:
    """A place in the file, by field path."""

    path: str
    faults: Faults

    def field(self, name: str) -> At:
        return At(f"{self.path}.{name}" if self.path else name, self.faults)

    def item(self, label: str) -> At:
        return At(f"{self.path}[{label}]", self.faults)

    def note(self, line: int, message: str) -> None:
        self.faults.note(line, self.path, message)

    def fail(self, node: Node, message: str) -> NoReturn:
        self.note(node.line, message)
        raise Unreadable


class Type(Protocol):
    def read(self, node: Node, at: At) -> Any: ...


def one_of(given: str, allowed: Iterable[str], *, noun: str) -> str:
    """The sentence for a name that is not among `allowed`, with the likely one first."""
    names = sorted(allowed)
    near = difflib.get_close_matches(given, names, n=1)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    there_are = f" (there are: {', '.join(names)})" if names else ""
    return f"there is no {noun} {given[:60]!r}{hint}{there_are}"


def kind_of(node: Node) -> str:
    """What the author wrote, in words, without repeating it: it may be a secret in the wrong place."""
    if isinstance(node, Sequence):
        return "a list"
    if isinstance(node, Mapping):
        return "a map"
    words = {"null": "nothing", "int": "a number", "float": "a number", "bool": "true or false"}
    return words.get(node.tag, "text")


def scalar(node: Node, at: At, *, wanted: str) -> Scalar:
    if not isinstance(node, Scalar) or node.is_null:
        at.fail(node, f"must be {wanted}, not {kind_of(node)}")
    return node


def entries(node: Node, at: At, *, wanted: str) -> Iterator[tuple[Scalar, Node]]:
    """A map's entries, each key once; a repeated key is a fault at its second line."""
    if not isinstance(node, Mapping):
        at.fail(node, f"must be {wanted}, not {kind_of(node)}")
    first: dict[str, int] = {}
    for key, value in node.entries:
        if key.text in first:
            at.field(key.text).note(key.line, f"given twice; the first is on line {first[key.text]}")
            continue
        first[key.text] = key.line
        yield key, value


def plain(node: Node, at: At) -> Any:
    """The node as dicts, lists and source texts, for a domain function that has its own idea of it.

    Numbers stay text, so that no digit is lost; true/false and nothing become bool and None.
    """
    if isinstance(node, Sequence):
        return [plain(item, at) for item in node.items]
    if isinstance(node, Mapping):
        return {key.text: plain(value, at.field(key.text)) for key, value in entries(node, at, wanted="a map")}
    if node.tag == "bool":
        return node.text.lower() in {"true", "yes", "on"}
    return None if node.is_null else node.text


@dataclass(frozen=True)
class Text:
    """Any scalar's source text: `123` and `off` are good names. `pattern` must match the whole of it."""

    max_length: int = 200
    pattern: str = ""
    wanted: str = "text"
    may_be_empty: bool = False

    def read(self, node: Node, at: At) -> str:
        text = scalar(node, at, wanted=self.wanted).text
        if not text.strip() and not self.may_be_empty:
            at.fail(node, f"must be {self.wanted}, not empty")
        if len(text) > self.max_length:
            at.fail(node, f"must be at most {self.max_length} characters long")
        if not text.isprintable() or (self.pattern and not re.fullmatch(self.pattern, text)):
            at.fail(node, f"must be {self.wanted}, not {text[:60]!r}")
        return text


@dataclass(frozen=True)
class Choice:
    """One of some names, which may come from a registry and are asked for at each reading."""

    names: Callable[[], Iterable[str]]
    noun: str

    def read(self, node: Node, at: At) -> str:
        text = scalar(node, at, wanted=f"the name of a {self.noun}").text
        if text not in set(self.names()):
            at.fail(node, one_of(text, self.names(), noun=self.noun))
        return text


@dataclass(frozen=True)
class Integer:
    low: int = 0
    high: int = 2_147_483_647

    def read(self, node: Node, at: At) -> int:
        wanted = f"a whole number from {self.low} to {self.high}"
        given = scalar(node, at, wanted=wanted)
        if given.tag != "int" or not re.fullmatch(r"0|-?[1-9][0-9]*", given.text):
            at.fail(node, f"must be {wanted}, not {given.text[:60]!r}" + _quoted(given, "int"))
        if not self.low <= int(given.text) <= self.high:
            at.fail(node, f"must be {wanted}, not {given.text[:60]}")
        return int(given.text)


@dataclass(frozen=True)
class Amount:
    """An exact decimal from its source text, quoted or not."""

    above_zero: bool = False

    def read(self, node: Node, at: At) -> Number:
        wanted = "a number above zero" if self.above_zero else "a number, zero or more"
        text = scalar(node, at, wanted=wanted).text
        # Not Decimal's own idea of a number: 1_000 and 010 mean something else in YAML.
        if not re.fullmatch(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?", text):
            at.fail(node, f"must be {wanted}, such as 0.01, not {text[:60]!r}")
        try:
            value = money.exact(text)
        except ValueError as error:
            at.fail(node, str(error))
        if value < 0 or (self.above_zero and value == 0):
            at.fail(node, f"must be {wanted}, not {text}")
        return value


@dataclass(frozen=True)
class Flag:
    def read(self, node: Node, at: At) -> bool:
        given = scalar(node, at, wanted="true or false")
        if given.tag != "bool":
            at.fail(node, f"must be true or false, not {given.text[:60]!r}" + _quoted(given, "bool"))
        return bool(plain(given, at))


@dataclass(frozen=True)
class Day:
    def read(self, node: Node, at: At) -> date:
        text = scalar(node, at, wanted="a day such as 2026-12-31").text
        written = re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text) is not None
        try:
            return date.fromisoformat(text if written else "")
        except ValueError:
            at.fail(node, f"must be a day such as 2026-12-31, not {text[:60]!r}")


@dataclass(frozen=True)
class ListOf:
    """A list without repetitions; one whose order means nothing is read sorted."""

    element: Type
    ordered: bool = True

    def read(self, node: Node, at: At) -> list[Any]:
        if not isinstance(node, Sequence):
            at.fail(node, f"must be a list, not {kind_of(node)}")
        found: list[Any] = []
        failed = False
        for item in node.items:
            try:
                value = self.element.read(item, at)
                if value in found:
                    at.fail(item, f"{value!r} is in the list twice")
                found.append(value)
            except Unreadable:
                failed = True
        if failed:
            raise Unreadable
        return found if self.ordered else sorted(found)


@dataclass(frozen=True)
class MapOf:
    key: Type
    value: Type

    def read(self, node: Node, at: At) -> dict[str, Any]:
        found: dict[str, Any] = {}
        failed = False
        for key, value in entries(node, at, wanted="a map"):
            inner = at.field(key.text)
            try:
                found[self.key.read(key, inner)] = self.value.read(value, inner)
            except Unreadable:
                failed = True
        if failed:
            raise Unreadable
        return found


@dataclass(frozen=True)
class Record:
    """A map with these fields and no others; the absent ones are left out of the result."""

    fields: dict[str, Type]
    required: tuple[str, ...] = ()
    noun: str = "field"

    def read(self, node: Node, at: At) -> dict[str, Any]:
        found, failed = read_fields(node, at, self.fields, noun=self.noun)
        given = {key.text for key, _ in node.entries} if isinstance(node, Mapping) else set()
        for name in self.required:
            if name not in given:
                at.field(name).note(node.line, "is required")
                failed = True
        if failed:
            raise Unreadable
        return found


def read_fields(node: Node, at: At, fields: dict[str, Type], *, noun: str = "field") -> tuple[dict[str, Any], bool]:
    """What could be read of a map, and whether anything could not."""
    found: dict[str, Any] = {}
    failed = False
    for key, value in entries(node, at, wanted="a map"):
        if key.text not in fields:
            at.field(key.text).note(key.line, one_of(key.text, fields, noun=noun))
            failed = True
            continue
        try:
            found[key.text] = fields[key.text].read(value, at.field(key.text))
        except Unreadable:
            failed = True
    return found, failed


@dataclass(frozen=True)
class Nullable:
    """`null` (or nothing after the colon) stands for `empty`."""

    inner: Type
    empty: Any

    def read(self, node: Node, at: At) -> Any:
        return self.empty if isinstance(node, Scalar) and node.is_null else self.inner.read(node, at)


@dataclass(frozen=True)
class Unavailable:
    """A field of the format that this version cannot honour: anything but emptiness is refused, not ignored."""

    def read(self, node: Node, at: At) -> None:
        if not _is_empty(node):
            at.fail(node, "is not available in this version; leave it out")


def _is_empty(node: Node) -> bool:
    if isinstance(node, Scalar):
        return node.is_null
    if isinstance(node, Sequence):
        return not node.items
    return all(_is_empty(value) for _, value in node.entries)


def _quoted(given: Scalar, tag: str) -> str:
    unquoted = {"int": r"-?[0-9]+", "bool": r"(?i)true|false|yes|no|on|off"}[tag]
    return " (take the quotes away)" if given.tag == "str" and re.fullmatch(unquoted, given.text) else ""
