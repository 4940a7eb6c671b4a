"""A section of items with slugs: what its fields are is declared, how a row follows the file is done here once."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, ClassVar, Generic, TypeVar

from django.db import models

from tradeops.core.errors import ConfigurationError
from tradeops.core.network import Network

from . import present
from .names import Names
from .reader import Mapping, Node, Scalar, Sequence
from .report import HIDDEN, Action, Change, differences
from .schema import At, Choice, Faults, Text, Type, Unavailable, Unreadable, kind_of, read_fields
from .secret import SecretValue

M = TypeVar("M", bound=models.Model)

SLUG = Text(60, r"[a-z0-9][a-z0-9-]*", "a slug (small letters, digits and hyphens)")
STATE = Choice(lambda: ("present", "absent"), "state")


@dataclass(frozen=True)
class Field:
    """`attribute` is the model's name for it, the file's own name unless said otherwise."""

    type: Type
    attribute: str = ""
    required: bool = False  # to create the item; later, absent means unchanged
    relation: bool = False  # to other rows, by slug

    @property
    def stored(self) -> bool:
        return not isinstance(self.type, Unavailable)

    @property
    def ordered(self) -> bool:
        return getattr(self.type, "ordered", False)


@dataclass
class Run:
    """One application of one file."""

    now: datetime
    folder: Path
    names: Names
    faults: Faults
    networks: list[Network]  # the private ones that will be allowed
    address_lists: list[str] = field(default_factory=list)  # those that the file itself gives
    changes: list[Change] = field(default_factory=list)


@dataclass(frozen=True)
class Item:
    """`given` are the fields that the file names, the unreadable ones included; `values` those that could be read."""

    slug: str
    node: Node
    at: At
    given: frozenset[str]
    values: dict[str, Any]
    absent: bool


class Section(ABC, Generic[M]):
    name: ClassVar[str]
    noun: ClassVar[str]
    model: type[M]
    reserved: ClassVar[frozenset[str]] = frozenset()
    at_rest: ClassVar[dict[str, Any]] = {"active": False}  # what retiring sets besides `retired_at`
    at_work: ClassVar[dict[str, Any]] = {"active": True}  # what applying a retired item again sets, unless it says

    def __init__(self, run: Run) -> None:
        self.run = run
        self.fields = self.declare()
        self.items: list[Item] = []
        self.stored: dict[str, M] = {}

    # What a section says of itself ------------------------------------------------------------------------------

    @abstractmethod
    def declare(self) -> dict[str, Field]:
        """The fields of an item, by name."""

    def check(self, row: M) -> None:
        """Rules over several fields, on the row as it would be stored. Raises ConfigurationError."""

    def check_retire(self, row: M) -> None:
        """Raises ConfigurationError while the item is still needed."""

    def clashes(self, slug: str) -> str:
        """Why a new item may not be called so; empty when it may."""
        return f"{slug!r} is a path of the portal itself; choose another" if slug in self.reserved else ""

    # Exporting --------------------------------------------------------------------------------------------------

    def in_use(self) -> list[M]:
        """What an export shows, in the order of the slugs."""
        return list(self.model._default_manager.filter(retired_at=None).order_by("slug"))

    def export(self, *, with_secrets: bool, notes: list[str]) -> list[dict[str, Any]]:
        return present.items(self, with_secrets=with_secrets, notes=notes)

    # Reading ----------------------------------------------------------------------------------------------------

    def read(self, node: Node, at: At) -> None:
        if not isinstance(node, Sequence):
            if not (isinstance(node, Scalar) and node.is_null):
                at.note(node.line, f"must be a list, not {kind_of(node)}")
            return
        self._load()
        first: dict[str, int] = {}
        for number, item in enumerate(node.items, start=1):
            try:
                self.items.append(self._read_item(item, at, number, first))
            except Unreadable:
                continue

    def _load(self) -> None:
        self.stored = {str(row.slug): row for row in self.model._default_manager.all()}  # type: ignore[attr-defined]

    def _read_item(self, node: Node, at: At, number: int, first: dict[str, int]) -> Item:
        if not isinstance(node, Mapping):
            at.item(f"#{number}").fail(node, f"must be a map with a slug, not {kind_of(node)}")
        keys = {key.text: value for key, value in node.entries}
        slug = keys.get("slug")
        label = slug.text[:60] if isinstance(slug, Scalar) and not slug.is_null else f"#{number}"
        here = at.item(label)
        types: dict[str, Type] = {"slug": SLUG, "state": STATE}
        types.update({name: field.type for name, field in self.fields.items()})
        values, failed = read_fields(node, here, types)
        if slug is None:
            here.field("slug").fail(node, "is required")
        if label in first:
            here.field("slug").fail(slug, f"used twice in this section; the first is on line {first[label]}")
        first[label] = slug.line
        if clash := self.clashes(label):
            here.field("slug").fail(slug, clash)
        if "slug" not in values:
            raise Unreadable
        item = Item(label, node, here, frozenset(keys), values, values.get("state") == "absent")
        self._require(item)
        if failed:
            raise Unreadable
        return item

    def _require(self, item: Item) -> None:
        if item.absent or item.slug in self.stored:
            return
        for name, declared in self.fields.items():
            if declared.required and name not in item.given:
                item.at.field(name).note(item.node.line, f"is required for a new {self.noun}")

    # Writing ----------------------------------------------------------------------------------------------------

    def write(self) -> None:
        self._load()  # again, in the transaction
        for item in self.items:
            try:
                self.run.changes += self._write_item(item)
            except ConfigurationError as error:
                item.at.note(item.node.line, str(error))

    def _write_item(self, item: Item) -> list[Change]:
        row = self.stored.get(item.slug)
        if item.absent:
            return self._retire(row) if row is not None and row.retired_at is None else []  # type: ignore[attr-defined]
        values = {
            name: item.values[name] for name, field in self.fields.items() if name in item.values and field.stored
        }
        if row is None:
            self.create(item.slug, values)
            return [Change(Action.CREATE, self.noun, item.slug)]
        changes = []
        if row.retired_at is not None:  # type: ignore[attr-defined]
            changes.append(Change(Action.RESTORE, self.noun, item.slug))
            self.restore(row)
        changed = dict(self._changed(row, values))
        for name, value in changed.items():
            if isinstance(value, SecretValue):
                changes.append(Change(Action.UPDATE, self.noun, item.slug, name, None, HIDDEN))
            else:
                changes += differences(self.noun, item.slug, name, self.current(row, name), value)
        if changes:
            self.update(row, changed)
        return changes

    def _changed(self, row: M, values: dict[str, Any]) -> Iterator[tuple[str, Any]]:
        for name, value in values.items():
            if not self.is_current(row, name, value, values):
                yield name, value

    def is_current(self, row: M, name: str, value: Any, values: dict[str, Any]) -> bool:
        """Whether the row has that value already. `values` are all fields given with it."""
        return bool(self.current(row, name) == value)

    def _retire(self, row: M) -> list[Change]:
        self.check_retire(row)
        self.retire(row)
        return [Change(Action.RETIRE, self.noun, str(row))]

    # How a row is written; a section with a service of its own goes through that ------------------------------------

    def current(self, row: M, name: str) -> Any:
        """The stored value in the form in which the file gives it."""
        if self.fields[name].relation:
            slugs = [item.slug for item in self.related(row, name)]
            return slugs if self.fields[name].ordered else sorted(slugs)
        return getattr(row, self.fields[name].attribute or name)

    def related(self, row: M, name: str) -> list[Any]:
        return list(getattr(row, self.fields[name].attribute or name).all())

    def relate(self, row: M, name: str, slugs: list[str]) -> None:
        related = getattr(row, self.fields[name].attribute or name)
        related.set(related.model._default_manager.filter(slug__in=slugs))

    def assign_all(self, row: M, values: dict[str, Any]) -> None:
        for name, value in values.items():
            self.assign(row, name, value)

    def assign(self, row: M, name: str, value: Any) -> None:
        setattr(row, self.fields[name].attribute or name, value)

    def create(self, slug: str, values: dict[str, Any]) -> None:
        row = self.model(slug=slug)
        self._save(row, values)

    def update(self, row: M, changed: dict[str, Any]) -> None:
        self._save(row, changed)

    def _save(self, row: M, values: dict[str, Any]) -> None:
        relations = {name for name, field in self.fields.items() if field.relation}
        self.assign_all(row, {name: value for name, value in values.items() if name not in relations})
        self.check(row)
        row.save()
        for name in values.keys() & relations:
            self.relate(row, name, values[name])

    def retire(self, row: M) -> None:
        for name, value in {**self.at_rest, "retired_at": self.run.now}.items():
            setattr(row, name, value)
        row.save(update_fields=[*self.at_rest, "retired_at"])

    def restore(self, row: M) -> None:
        """Only in memory: `update` stores it together with what the file says."""
        for name, value in {**self.at_work, "retired_at": None}.items():
            setattr(row, name, value)
