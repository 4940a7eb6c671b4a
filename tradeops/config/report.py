"""What applying a file changed, for people and for programs. Secrets are never in it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Any

from tradeops.core import logs

HIDDEN = "(changed)"  # all that is ever said of a secret
NOTHING = "none"


class Action(StrEnum):
    CREATE = "create"
    UPDATE = "update"
    RETIRE = "retire"
    RESTORE = "restore"


@dataclass(frozen=True)
class Change:
    """`before` and `after` are texts for people; without a `field` the item as a whole came or went."""

    action: Action
    kind: str
    slug: str
    field: str = ""
    before: str | None = None
    after: str | None = None

    def __str__(self) -> str:
        item = f"{self.kind} {self.slug}".strip()
        if self.action is Action.CREATE:
            return f"+ {item}"
        if self.action is Action.RESTORE:
            return f"+ {item} (was retired)"
        if self.action is Action.RETIRE:
            return f"- {item}"
        what = self.after if self.after == HIDDEN else f"{self.before} → {self.after}"
        return f"~ {item}: {self.field} {what}"

    def to_json(self) -> dict[str, Any]:
        return {
            "action": self.action.value,
            "kind": self.kind,
            "slug": self.slug,
            "field": self.field,
            "before": self.before,
            "after": self.after,
        }


@dataclass(frozen=True)
class Report:
    file: str
    dry_run: bool
    changes: tuple[Change, ...]

    def lines(self) -> list[str]:
        lines = [str(change) for change in self.changes] or ["= nothing to do"]
        return [*lines, "dry run: nothing was changed"] if self.dry_run and self.changes else lines

    def to_json(self) -> dict[str, Any]:
        return {"file": self.file, "dry_run": self.dry_run, "changes": [change.to_json() for change in self.changes]}


def differences(kind: str, slug: str, field: str, before: Any, after: Any) -> Iterator[Change]:
    """One change a field; one an entry where both sides are maps."""
    if before == after:
        return
    if isinstance(before, dict) and isinstance(after, dict):
        for key in sorted({*before, *after}):  # PostgreSQL does not keep the order of a map
            old, new = before.get(key), after.get(key)
            if logs.SECRET_NAMES.search(key.replace("-", "_")) and old != new:
                yield Change(Action.UPDATE, kind, slug, f"{field}.{key}", None, HIDDEN)
            else:
                yield from differences(kind, slug, f"{field}.{key}", old, new)
        return
    yield Change(Action.UPDATE, kind, slug, field, shown(before), shown(after))


def shown(value: Any) -> str:
    if value is None or value in ("", [], {}):
        return NOTHING
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, list):
        return "[" + ", ".join(shown(item) for item in value) + "]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {shown(item)}" for key, item in sorted(value.items())) + "}"
    return str(value)
