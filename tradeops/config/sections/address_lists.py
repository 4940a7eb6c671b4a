"""`address_lists`: networks by a name that sources may allow. A list given replaces the stored one."""

from __future__ import annotations

from typing import ClassVar

from signals.models import AddressList
from tradeops.config.reader import Node
from tradeops.config.report import Action, Change, differences
from tradeops.config.schema import At, ListOf, MapOf, Text, Unreadable
from tradeops.config.section import Run
from tradeops.config.sections.networks import Cidr

_NAME = Text(40, r"[a-z0-9][a-z0-9-]*", "a name (small letters, digits and hyphens)")


class AddressLists:
    name: ClassVar[str] = "address_lists"

    def __init__(self, run: Run) -> None:
        self.run = run
        self.wanted: dict[str, list[str]] = {}

    def read(self, node: Node, at: At) -> None:
        try:
            self.wanted = MapOf(_NAME, ListOf(Cidr())).read(node, at)
        except Unreadable:
            return
        self.run.address_lists.extend(self.wanted)

    def export(self, *, with_secrets: bool, notes: list[str]) -> dict[str, list[str]]:
        return {row.slug: row.networks for row in AddressList.objects.order_by("slug")}

    def write(self) -> None:
        stored = {row.slug: row for row in AddressList.objects.all()}
        for slug, networks in self.wanted.items():
            row = stored.get(slug)
            if row is None:
                AddressList.objects.create(slug=slug, networks=networks)
                self.run.changes.append(Change(Action.CREATE, "address list", slug))
            elif row.networks != networks:
                self.run.changes += differences("address list", slug, "networks", row.networks, networks)
                row.networks = networks
                row.save(update_fields=["networks"])
