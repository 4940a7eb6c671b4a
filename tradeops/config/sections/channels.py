"""`channels`: where people are told what happened."""

from __future__ import annotations

from typing import Any

from django.conf import settings

from relay.models import Channel
from tradeops.config.schema import Choice, Flag, ListOf, Text
from tradeops.config.section import Field, Section
from tradeops.core.events import Level

# Telegram: a user or group (negative) by number, or a public channel by name
_CHAT = Text(64, r"-?[0-9]+|@[A-Za-z][A-Za-z0-9_]+", "a chat id")
_EVENT = Text(60, r"\*|[a-z_]+(\.[a-z_]+)*(\.\*)?", "an event such as order.filled, or a pattern: order.*, *")


class Channels(Section[Channel]):
    name = "channels"
    noun = "channel"
    model = Channel

    def declare(self) -> dict[str, Field]:
        return {
            "kind": Field(Choice(lambda: settings.NOTIFIERS, "kind of channel"), required=True),
            "chat_id": Field(_CHAT, attribute="target", required=True),
            "events": Field(ListOf(_EVENT)),
            "level": Field(Choice(lambda: [level.value for level in Level], "level")),
            "active": Field(Flag()),
        }

    def create(self, slug: str, values: dict[str, Any]) -> None:
        super().create(slug, {"events": ["*"], **values})
