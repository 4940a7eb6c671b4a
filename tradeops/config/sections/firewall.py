"""`firewall`: who may come in at all (E6). A rule is known by its network or country; an absent one is untouched."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, ClassVar

from accounts.firewall import selectors, services
from accounts.firewall.services import Asker
from accounts.models import FirewallRule, FirewallSettings
from tradeops.config.reader import Node
from tradeops.config.report import Action, Change, differences
from tradeops.config.schema import At, Choice, Integer, ListOf, Nullable, Record, Text, Unreadable, scalar
from tradeops.config.section import STATE, Run
from tradeops.core.errors import ConfigurationError

DAY = 86_400
_ASKER = Asker(name="configuration file")

# The file's names of the settings, and the row's.
_BANS = {
    "after": ("ban_after", Integer(0, 100_000)),
    "within_seconds": ("within_seconds", Integer(10, DAY)),
    "first_seconds": ("ban_seconds", Integer(10, 30 * DAY)),
    "longest_seconds": ("longest_seconds", Integer(10, 30 * DAY)),
}


class Moment:
    """A time with its zone: 2026-12-01T00:00:00Z."""

    def read(self, node: Node, at: At) -> datetime:
        text = scalar(node, at, wanted="a time such as 2026-12-01T00:00:00Z").text
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            at.fail(node, f"must be a time such as 2026-12-01T00:00:00Z, not {text[:60]!r}")
        if moment.tzinfo is None:
            at.fail(node, "needs its time zone, such as the Z of 2026-12-01T00:00:00Z")
        return moment.astimezone(UTC)


@dataclass(frozen=True)
class Target:
    """A network or a country in its one spelling, by the firewall's own idea of it."""

    country: bool

    def read(self, node: Node, at: At) -> str:
        text = scalar(node, at, wanted="a country such as DE" if self.country else "a network such as 10.0.0.0/8").text
        try:
            return services.country(text) if self.country else services.network(text)
        except ConfigurationError as error:
            at.fail(node, str(error))


_RULE = Record(
    {
        "cidr": Target(country=False),
        "country": Target(country=True),
        "action": Choice(lambda: FirewallRule.Action.values, "action"),
        "note": Text(200, may_be_empty=True),
        "until": Nullable(Moment(), None),
        "state": STATE,
    }
)


class Rule:
    def read(self, node: Node, at: At) -> dict[str, Any]:
        found: dict[str, Any] = _RULE.read(node, at)
        if ("cidr" in found) == ("country" in found):
            at.fail(node, "needs `cidr` or `country`, one of the two")
        if "action" not in found and found.get("state") != "absent":
            at.field("action").fail(node, "is required")
        return found


_SECTION = Record(
    {
        "default": Choice(lambda: FirewallSettings.Default.values, "default"),
        "bans": Record({name: kind for name, (_, kind) in _BANS.items()}),
        "rules": ListOf(Rule()),
    }
)


class Firewall:
    name: ClassVar[str] = "firewall"

    def __init__(self, run: Run) -> None:
        self.run = run
        self.wanted: dict[str, Any] = {}
        self.line = 0
        self.at: At | None = None

    def read(self, node: Node, at: At) -> None:
        try:
            self.wanted = _SECTION.read(node, at)
        except Unreadable:
            return
        self.at, self.line = at, node.line
        targets = [_target(rule) for rule in self.wanted.get("rules", ())]
        for target in sorted({one for one in targets if targets.count(one) > 1}):
            at.field("rules").note(node.line, f"there are two rules for {target}")

    def export(self, *, with_secrets: bool, notes: list[str]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        row, usual = selectors.settings(), FirewallSettings()
        if row.default != usual.default:
            found["default"] = str(row.default)
        bans = {name: getattr(row, attribute) for name, (attribute, _) in _BANS.items()}
        if bans != {name: getattr(usual, attribute) for name, (attribute, _) in _BANS.items()}:
            found["bans"] = bans
        if rules := [_exported(rule) for rule in selectors.rules()]:
            found["rules"] = rules
        return found

    # Writing ----------------------------------------------------------------------------------------------------

    def write(self) -> None:
        if not self.wanted:
            return
        assert self.at is not None
        try:
            self._write_settings()
            for wanted in self.wanted.get("rules", ()):
                self._write_rule(wanted)
        except ConfigurationError as error:
            self.at.note(self.line, str(error))

    def _write_settings(self) -> None:
        row = selectors.settings()
        wanted = {f"bans.{name}": (_BANS[name][0], value) for name, value in self.wanted.get("bans", {}).items()}
        if "default" in self.wanted:
            wanted["default"] = ("default", self.wanted["default"])
        changes: list[Change] = []
        for name, (attribute, value) in wanted.items():
            changes += differences("firewall", "", name, getattr(row, attribute), value)
            setattr(row, attribute, value)
        if changes:
            services.save_settings(row, asker=_ASKER, now=self.run.now)
            self.run.changes += changes

    def _write_rule(self, wanted: dict[str, Any]) -> None:
        target = _target(wanted)
        row = FirewallRule.objects.filter(network=wanted.get("cidr", ""), country=wanted.get("country", "")).first()
        if wanted.get("state") == "absent":
            if row is not None:
                services.delete_rule(row, asker=_ASKER, now=self.run.now)
                self.run.changes.append(Change(Action.RETIRE, "firewall rule", target))
            return
        fields = {"action": wanted["action"]}
        fields |= {name: wanted[key] for key, name in (("note", "note"), ("until", "expires_at")) if key in wanted}
        if row is None:
            row = FirewallRule(network=wanted.get("cidr", ""), country=wanted.get("country", ""), **fields)
            changes = [Change(Action.CREATE, "firewall rule", target)]
        else:
            changes = []
            for name, value in fields.items():
                changes += differences("firewall rule", target, name, getattr(row, name), value)
                setattr(row, name, value)
        if changes:
            services.save_rule(row, asker=_ASKER, now=self.run.now, may_be_over=True)
            self.run.changes += changes


def _target(rule: dict[str, Any]) -> str:
    return str(rule.get("cidr") or rule.get("country"))


def _exported(rule: FirewallRule) -> dict[str, Any]:
    found: dict[str, Any] = {"cidr": rule.network} if rule.network else {"country": rule.country}
    found["action"] = str(rule.action)
    if rule.note:
        found["note"] = rule.note
    if rule.expires_at:
        found["until"] = rule.expires_at.astimezone(UTC).isoformat().replace("+00:00", "Z")
    return found
