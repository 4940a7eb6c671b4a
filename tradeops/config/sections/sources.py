"""`sources`: who sends webhooks, and how each proves itself."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from signals.intake import sources
from signals.models import AddressList, Source
from tradeops.config.reader import Node
from tradeops.config.schema import At, Choice, Flag, Integer, ListOf, Nullable, Text, one_of, scalar
from tradeops.config.secret import Secret, SecretValue
from tradeops.config.secret_section import RowSecretSection
from tradeops.config.section import Field
from tradeops.config.sections import restore
from tradeops.core import sealed
from tradeops.core.errors import ConfigurationError


@dataclass(frozen=True)
class AllowedAddress:
    """A network, an address, or the name of an address list, stored or of this file."""

    declared: Iterable[str]

    def read(self, node: Node, at: At) -> str:
        text = scalar(node, at, wanted="a network such as 192.0.2.0/24, or the name of an address list").text
        if any(mark in text for mark in ".:/"):
            try:
                return str(ipaddress.ip_network(text))
            except ValueError as error:
                at.fail(node, f"not a network: {error}")
        lists = {*AddressList.objects.values_list("slug", flat=True), *self.declared}
        if text not in lists:
            at.fail(node, one_of(text, lists, noun="address list"))
        return text


class Sources(RowSecretSection[Source]):
    name = "sources"
    noun = "source"
    model = Source
    reserved = sources.RESERVED_SLUGS

    def declare(self) -> dict[str, Field]:
        return {
            "auth": Field(Choice(lambda: Source.Auth.values, "kind of authentication"), required=True),
            "secret": Field(Secret(self.run.folder), required=True),
            "allowed_ips": Field(ListOf(AllowedAddress(self.run.address_lists))),
            "rate_limit": Field(Integer(0, 1_000_000)),
            "dedup_seconds": Field(Integer(1, 30 * 86400)),
            "default": Field(Flag()),
            "require": Field(ListOf(Text(60, r"[A-Za-z_][A-Za-z0-9_]*", "the name of a message field"))),
            "respond": Field(Choice(lambda: Source.Respond.values, "way to answer")),
            "expect_every": Field(Nullable(Integer(1, 30 * 86400), None)),
            "active": Field(Flag()),
        }

    def has_secret(self, row: Source, name: str) -> bool:
        return bool(row.token_digest if row.auth == Source.Auth.TOKEN else row.secret)

    def same_secret(self, row: Source, name: str, secret: SecretValue, values: dict[str, Any]) -> bool:
        if values.get("auth", row.auth) != row.auth:
            return False
        if secret.pepper:
            return row.token_digest == secret.text and sealed.value(sealed.PEPPER) == secret.pepper
        return sources.has_secret(source=row, secret=secret.text)

    def set_secret(self, row: Source, name: str, secret: SecretValue) -> None:
        """At once, which also ends a rotation. A file that was not told of a rotation does not undo it."""
        if self._was_before(row, secret):
            raise ConfigurationError(
                "secret: this one was replaced when the source's secret was rotated; write the new one, or leave "
                "`secret` out to keep it"
            )
        if secret.pepper:
            restore.token(row, digest=secret.text, pepper=secret.pepper)
        else:
            sources.set_secret(source=row, secret=secret.text)

    def _was_before(self, row: Source, secret: SecretValue) -> bool:
        if secret.pepper:
            return bool(row.previous_token_digest) and secret.text == row.previous_token_digest
        return sources.had_secret(source=row, secret=secret.text)

    def stored_secret(self, row: Source, name: str) -> SecretValue:
        if row.auth == Source.Auth.TOKEN:
            return SecretValue(row.token_digest, pepper=sealed.value(sealed.PEPPER))
        return SecretValue(row.secret)

    def check(self, row: Source) -> None:
        sources.check(row)
        if not (row.token_digest if row.auth == Source.Auth.TOKEN else row.secret):
            raise ConfigurationError(f"`auth: {row.auth}` needs its own secret; give `secret` too")

    def write(self) -> None:
        super().write()
        default = Source.objects.filter(default=True, retired_at=None).exclude(auth=Source.Auth.TOKEN)
        marked = [item for item in self.items if item.values.get("default")]
        if marked and default.count() > sources.MAX_DEFAULTS:
            last = marked[-1]
            last.at.field("default").note(
                last.node.line, f"{default.count()} sources are marked; {sources.MAX_DEFAULTS} at most may be"
            )
