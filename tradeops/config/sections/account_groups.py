"""`account_groups`: accounts that a strategy trades together, each with its own share (S7).

`members` is a list of accounts, or a map that says more of each: `{okx-1: {multiplier: "2", cap: "5000"}}`.
"""

from __future__ import annotations

from collections.abc import Mapping as Map
from typing import Any

from accounts import groups
from accounts.groups import Part
from accounts.models import AccountGroup, AccountGroupMember
from tradeops.config.names import Reference
from tradeops.config.reader import Mapping, Node, Scalar
from tradeops.config.schema import Amount, At, Choice, Flag, ListOf, Nullable, Record, Unreadable, entries
from tradeops.config.section import Field, Section

_PART = Record(
    {
        "multiplier": Amount(above_zero=True),
        "cap": Nullable(Amount(above_zero=True), None),
        "paused": Flag(),
        "start": Choice(lambda: AccountGroupMember.Start.values, "start"),
    }
)


class Members:
    def __init__(self, account: Reference) -> None:
        self._account = account

    def read(self, node: Node, at: At) -> dict[str, dict[str, Any]]:
        """Account → all of its settings."""
        if isinstance(node, Mapping):
            given = self._map(node, at)
        else:
            given = {slug: {} for slug in ListOf(self._account, ordered=False).read(node, at)}
        if not given:
            at.fail(node, "a group needs at least one member; to take it out of use, say `state: absent`")
        return {slug: _settings(Part(account=slug, **part)) for slug, part in sorted(given.items())}

    def _map(self, node: Mapping, at: At) -> dict[str, Map[str, Any]]:
        found: dict[str, Map[str, Any]] = {}
        failed = False
        for key, value in entries(node, at, wanted="a map of accounts"):
            here = at.field(key.text)
            try:
                slug = self._account.read(key, here)
                nothing = isinstance(value, Scalar) and value.is_null
                found[slug] = {} if nothing else _PART.read(value, here)
            except Unreadable:
                failed = True
        if failed:
            raise Unreadable
        return found


def _settings(part: Part) -> dict[str, Any]:
    return {name: getattr(part, name) for name in groups.FIELDS}


class AccountGroups(Section[AccountGroup]):
    name = "account_groups"
    noun = "account group"
    model = AccountGroup
    at_rest = {}
    at_work = {}

    def declare(self) -> dict[str, Field]:
        account = Reference(self.run.names, ("accounts",))
        return {"members": Field(Members(account), required=True)}

    def current(self, row: AccountGroup, name: str) -> Any:
        return {part.account: _settings(part) for part in groups.parts(row)}

    def create(self, slug: str, values: dict[str, Any]) -> None:
        row = AccountGroup.objects.create(slug=slug)
        self._set(row, values)

    def update(self, row: AccountGroup, changed: dict[str, Any]) -> None:
        row.save()
        self._set(row, changed)

    def _set(self, row: AccountGroup, values: dict[str, Any]) -> None:
        if "members" in values:
            parts = [Part(account=slug, **settings) for slug, settings in values["members"].items()]
            groups.set_parts(group=row, wanted=parts, now=self.run.now)


def twice(items: Map[tuple[str, str], Any]) -> None:
    """No strategy trades an account twice: told at the strategy, or the group, that the file has changed.

    `items` are the file's, by section and slug.
    """
    for group in AccountGroup.objects.filter(retired_at=None, strategies__isnull=False).distinct().order_by("slug"):
        why = groups.twice_in(group)
        if not why:
            continue
        strategy = why.removeprefix("strategy ").partition(":")[0]
        item = items.get(("strategies", strategy)) or items.get(("account_groups", group.slug))
        if item is not None:
            item.at.note(item.node.line, why.partition(": ")[2] if item.slug == strategy else why)
