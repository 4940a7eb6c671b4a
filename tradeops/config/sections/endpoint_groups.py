"""`endpoint_groups`: endpoints that a strategy names as one, all of them or the first that is well."""

from __future__ import annotations

from typing import Any

from relay import groups
from relay.models import EndpointGroup
from tradeops.config.names import Reference
from tradeops.config.reader import Node
from tradeops.config.schema import At, Choice, Flag, ListOf
from tradeops.config.section import Field, Section


class Members:
    ordered = True

    def __init__(self, element: Reference) -> None:
        self._list = ListOf(element)

    def read(self, node: Node, at: At) -> list[str]:
        slugs = self._list.read(node, at)
        if not slugs:
            at.fail(node, "a group needs at least one member; to take it out of use, say `state: absent`")
        return slugs


class EndpointGroups(Section[EndpointGroup]):
    name = "endpoint_groups"
    noun = "endpoint group"
    model = EndpointGroup

    def declare(self) -> dict[str, Field]:
        endpoint = Reference(self.run.names, ("endpoints",))
        return {
            "mode": Field(Choice(lambda: EndpointGroup.Mode.values, "mode")),
            "members": Field(Members(endpoint), required=True, relation=True),
            "active": Field(Flag()),
        }

    def clashes(self, slug: str) -> str:
        return groups.clash(slug, noun="an endpoint") if slug in self.run.names.live("endpoints") else ""

    def related(self, row: EndpointGroup, name: str) -> list[Any]:
        return [member.endpoint for member in row.groupmember_set.select_related("endpoint").order_by("position", "pk")]

    def relate(self, row: EndpointGroup, name: str, slugs: list[str]) -> None:
        groups.set_members(group=row, slugs=slugs)
