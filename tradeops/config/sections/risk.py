"""`risk`: limits by rule, for everything, for a strategy or for an account. A map given replaces the stored one."""

from __future__ import annotations

from typing import Any, ClassVar

from signals.models import RiskLimit
from signals.models.risk import Scope
from signals.risk import registry
from tradeops.config import present
from tradeops.config.names import Reference
from tradeops.config.reader import Node
from tradeops.config.report import differences
from tradeops.config.schema import At, MapOf, Record, Type, Unreadable, entries, one_of, plain
from tradeops.config.section import Run
from tradeops.core.errors import ConfigurationError


class Limits:
    """`{rule: limit}`; each rule reads its own limit."""

    def read(self, node: Node, at: At) -> dict[str, Any]:
        found: dict[str, Any] = {}
        failed = False
        for key, value in entries(node, at, wanted="a map of rules and their limits"):
            here = at.field(key.text)
            try:
                found[key.text] = self._limit(key.text, value, here)
            except Unreadable:
                failed = True
        if failed:
            raise Unreadable
        return found

    def _limit(self, rule: str, value: Node, at: At) -> Any:
        if rule not in registry.BY_SLUG:
            at.fail(value, one_of(rule, registry.BY_SLUG, noun="rule"))
        try:
            return registry.parse_limit(rule, plain(value, at))
        except ConfigurationError as error:
            at.fail(value, str(error).removeprefix(f"{rule}: "))


class Risk:
    name: ClassVar[str] = "risk"

    def __init__(self, run: Run) -> None:
        self.run = run
        self.wanted: dict[tuple[Scope, str], dict[str, Any]] = {}

    def read(self, node: Node, at: At) -> None:
        names = self.run.names
        types: dict[str, Type] = {
            "global": Limits(),
            "strategies": MapOf(Reference(names, ("strategies",)), Limits()),
            "accounts": MapOf(Reference(names, ("accounts",)), Limits()),
        }
        try:
            given = Record(types).read(node, at)
        except Unreadable:
            return
        if "global" in given:
            self.wanted[Scope.GLOBAL, ""] = given["global"]
        for scope, section in ((Scope.STRATEGY, "strategies"), (Scope.ACCOUNT, "accounts")):
            for slug, limits in given.get(section, {}).items():
                self.wanted[scope, slug] = limits

    def export(self, *, with_secrets: bool, notes: list[str]) -> dict[str, Any]:
        """Only of strategies and accounts that are in use: a reference to a retired one could not be read back."""
        found: dict[str, Any] = {}
        for row in RiskLimit.objects.order_by("scope", "key", "rule"):
            if row.scope == Scope.GLOBAL:
                found.setdefault("global", {})[row.rule] = present.plain(row.value)
                continue
            section = "strategies" if row.scope == Scope.STRATEGY else "accounts"
            if self.run.names.live(section).get(row.key):
                found.setdefault(section, {}).setdefault(row.key, {})[row.rule] = present.plain(row.value)
        return found

    def write(self) -> None:
        for (scope, key), limits in self.wanted.items():
            rows = {row.rule: row for row in RiskLimit.objects.filter(scope=scope, key=key)}
            for rule in sorted({*rows, *limits}):
                before = rows[rule].value if rule in rows else None
                after = limits.get(rule)
                self.run.changes += differences("risk", f"{scope.value} {key}".strip(), rule, before, after)
                if after is None:
                    rows[rule].delete()  # a setting, not a ledger
                elif before != after:
                    RiskLimit.objects.update_or_create(scope=scope, key=key, rule=rule, defaults={"value": after})
