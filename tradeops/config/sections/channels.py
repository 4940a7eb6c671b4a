"""`channels`: where people are told what happened, of what and when."""

from __future__ import annotations

import hmac
from datetime import time
from typing import Any

from django.conf import settings

from relay.models import Channel
from relay.notify import channels, state
from tradeops.config.names import Reference
from tradeops.config.reader import Node
from tradeops.config.schema import At, Choice, Flag, Integer, ListOf, Nullable, Record, Text, Type
from tradeops.config.secret import Secret, SecretValue
from tradeops.config.secret_section import RowSecretSection
from tradeops.config.section import Field, Item
from tradeops.core.events import Level

_CHAT = Text(64, channels.CHAT.pattern, "a chat id")
_ADDRESS = Text(200, channels.ADDRESS.pattern, "a mail address such as ops@example.com")
_URL = Text(300, wanted="an address such as https://example.com/told")
_EVENT = Text(60, channels.PATTERN.pattern, "an event such as order.filled, or a pattern: order.*, *")
_CLOCK = Text(5, r"([01][0-9]|2[0-3]):[0-5][0-9]", "a time of day such as 22:00")
_HOURS = Record(
    {"from": _CLOCK, "to": _CLOCK, "time_zone": Text(60, wanted="a time zone such as Europe/Berlin")},
    required=("from", "to", "time_zone"),
)
# What is for one kind of channel only, and which of it a new channel must have.
_PLACES = {"chat_id": "telegram", "address": "email", "url": "webhook"}
_SECRETS = {"webhook_url": "slack", "secret": "webhook"}
_OF_KIND = {**_PLACES, **_SECRETS}
_REQUIRED = {"telegram": ("chat_id",), "webhook": ("url", "secret")}


class Channels(RowSecretSection[Channel]):
    name = "channels"
    noun = "channel"
    model = Channel

    def declare(self) -> dict[str, Field]:
        def slugs(section: str) -> Type:
            return ListOf(Reference(self.run.names, (section,)), ordered=False)

        return {
            "kind": Field(Choice(lambda: settings.NOTIFIERS, "kind of channel"), required=True),
            "chat_id": Field(_CHAT),
            "address": Field(_ADDRESS),
            "url": Field(_URL),
            "webhook_url": Field(Secret(self.run.folder)),
            "secret": Field(Secret(self.run.folder)),
            "events": Field(ListOf(_EVENT)),
            "level": Field(Choice(lambda: [level.value for level in Level], "level")),
            "strategies": Field(slugs("strategies")),
            "accounts": Field(slugs("accounts")),
            "quiet_hours": Field(Nullable(_HOURS, None)),
            "digest_minutes": Field(Integer(0, channels.LONGEST_DIGEST)),
            "rate_cap": Field(Integer(0, 1000)),
            "escalation": Field(Flag()),
            "active": Field(Flag()),
        }

    def read(self, node: Node, at: At) -> None:
        super().read(node, at)
        for item in self.items:
            stored = self.stored.get(item.slug)
            kind = item.values.get("kind") or (stored.kind if stored else "")
            if kind and not item.absent:
                self._check_kind(item, str(kind), new=stored is None or stored.kind != kind)

    def _check_kind(self, item: Item, kind: str, *, new: bool) -> None:
        for name in sorted(item.given & _OF_KIND.keys()):
            if _OF_KIND[name] != kind:
                own = [field for field, its in _OF_KIND.items() if its == kind]
                item.at.field(name).note(
                    item.node.line, f"is for {_OF_KIND[name]}; a channel of kind {kind} takes {' and '.join(own)}"
                )
        for name in _REQUIRED.get(kind, ()) if new else ():
            if name not in item.given:
                item.at.field(name).note(item.node.line, "is required for a new channel")

    def create(self, slug: str, values: dict[str, Any]) -> None:
        super().create(slug, {"events": ["*"], **values})

    def update(self, row: Channel, changed: dict[str, Any]) -> None:
        if "kind" in changed:
            row.target, row.secret = "", ""  # another kind's mean nothing to it
        super().update(row, changed)
        state.try_again(row)

    def check(self, row: Channel) -> None:
        channels.check(row, networks=self.run.networks)

    def current(self, row: Channel, name: str) -> Any:
        if name in _PLACES:
            return row.target or None if row.kind == _PLACES[name] else None
        if name != "quiet_hours":
            return super().current(row, name)
        if row.quiet_from is None or row.quiet_to is None:
            return None
        return {"from": f"{row.quiet_from:%H:%M}", "to": f"{row.quiet_to:%H:%M}", "time_zone": row.time_zone}

    def assign(self, row: Channel, name: str, value: Any) -> None:
        if name in _PLACES:
            row.target = value
        elif name == "quiet_hours":
            given = value or {"from": None, "to": None, "time_zone": "UTC"}
            row.quiet_from, row.quiet_to = (given[at] and time.fromisoformat(given[at]) for at in ("from", "to"))
            row.time_zone = given["time_zone"]
        else:
            super().assign(row, name, value)

    def has_secret(self, row: Channel, name: str) -> bool:
        return row.kind == _SECRETS[name] and bool(row.secret)

    def same_secret(self, row: Channel, name: str, secret: SecretValue, values: dict[str, Any]) -> bool:
        if values.get("kind", row.kind) != row.kind:
            return False
        return hmac.compare_digest(row.secret.encode(), secret.text.encode())

    def set_secret(self, row: Channel, name: str, secret: SecretValue) -> None:
        row.secret = secret.text

    def stored_secret(self, row: Channel, name: str) -> SecretValue:
        return SecretValue(row.secret)

    def export(self, *, with_secrets: bool, notes: list[str]) -> list[dict[str, Any]]:
        found = super().export(with_secrets=with_secrets, notes=notes)
        for item in found:
            for name in [name for name in _PLACES if item.get(name) is None]:
                item.pop(name, None)
            for section in ("strategies", "accounts"):
                live = self.run.names.live(section)
                item[section] = [slug for slug in item[section] if live.get(slug)]
        return found
