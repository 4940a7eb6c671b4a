"""`endpoints`: the receivers that signals are relayed to."""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from typing import Any

from relay import groups, services
from relay.models import Endpoint
from tradeops.config.reader import Node
from tradeops.config.schema import At, Choice, Flag, Integer, ListOf, MapOf, Text
from tradeops.config.secret import Secret, SecretValue
from tradeops.config.secret_section import RowSecretSection
from tradeops.config.section import Field
from tradeops.core.errors import ConfigurationError
from tradeops.core.network import Network

# RFC 9110 §5.6.2 (names) and §5.5 (values: visible ASCII, spaces inside)
_HEADER_NAME = Text(60, r"[A-Za-z0-9!#$%&'*+.^_`|~-]+", "a header's name")
_HEADER_VALUE = Text(300, r"[!-~]([ -~]*[!-~])?", "a header's value, without secrets")
_SYMBOL = Text(60, wanted="a symbol")


@dataclass(frozen=True)
class Url:
    networks: list[Network]

    def read(self, node: Node, at: At) -> str:
        url = Text(300, wanted="an address such as https://vps.example.com/webhook").read(node, at)
        try:
            services.check_url(url, networks=self.networks)
        except ConfigurationError as error:
            at.fail(node, str(error).removeprefix("url: "))
        return url


class Endpoints(RowSecretSection[Endpoint]):
    name = "endpoints"
    noun = "endpoint"
    model = Endpoint
    at_work = {"active": True, "disabled_reason": ""}

    def declare(self) -> dict[str, Field]:
        return {
            "url": Field(Url(self.run.networks), required=True),
            "secret": Field(Secret(self.run.folder), required=True),
            "report_secret": Field(Secret(self.run.folder)),
            "timeout_seconds": Field(Integer(1, 60)),
            "tags": Field(ListOf(Text(40, wanted="a tag"))),
            "headers": Field(MapOf(_HEADER_NAME, _HEADER_VALUE)),
            "symbols": Field(MapOf(_SYMBOL, _SYMBOL)),
            "receives": Field(ListOf(Choice(lambda: ("signals", "orders", "exits"), "kind of message"))),
            "accepts_dry_run": Field(Flag()),
            "active": Field(Flag()),
        }

    def create(self, slug: str, values: dict[str, Any]) -> None:
        super().create(slug, {"receives": ["signals"], **values})

    def assign(self, row: Endpoint, name: str, value: Any) -> None:
        super().assign(row, name, value)
        if name == "active" and value:
            row.disabled_reason = ""  # why it was switched off: answered by switching it on

    def clashes(self, slug: str) -> str:
        taken = slug in self.run.names.live("endpoint_groups")
        return groups.clash(slug, noun="an endpoint group") if taken else ""

    def has_secret(self, row: Endpoint, name: str) -> bool:
        return bool(getattr(row, name))

    def same_secret(self, row: Endpoint, name: str, secret: SecretValue, values: dict[str, Any]) -> bool:
        return hmac.compare_digest(getattr(row, name).encode(), secret.text.encode())

    def set_secret(self, row: Endpoint, name: str, secret: SecretValue) -> None:
        if name == "report_secret":
            services.set_report_secret(endpoint=row, secret=secret.text)
        else:
            services.set_secret(endpoint=row, secret=secret.text)

    def stored_secret(self, row: Endpoint, name: str) -> SecretValue:
        return SecretValue(getattr(row, name))
