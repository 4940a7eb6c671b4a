"""`private_networks`: what endpoints may reach although it is private. The list replaces the stored one."""

from __future__ import annotations

import ipaddress
from typing import ClassVar

from relay.models import PrivateNetwork
from tradeops.config.reader import Node
from tradeops.config.report import Action, Change
from tradeops.config.schema import At, ListOf, Unreadable, scalar
from tradeops.config.section import Run


class Cidr:
    def read(self, node: Node, at: At) -> str:
        text = scalar(node, at, wanted="a network such as 10.0.0.0/8").text
        try:
            return str(ipaddress.ip_network(text))
        except ValueError as error:
            at.fail(node, f"not a network: {error}")


class PrivateNetworks:
    name: ClassVar[str] = "private_networks"

    def __init__(self, run: Run) -> None:
        self.run = run
        self.wanted: list[str] | None = None

    def read(self, node: Node, at: At) -> None:
        try:
            self.wanted = ListOf(Cidr()).read(node, at)
        except Unreadable:
            return
        self.run.networks[:] = [ipaddress.ip_network(cidr) for cidr in self.wanted]

    def export(self, *, with_secrets: bool, notes: list[str]) -> list[str]:
        return sorted(PrivateNetwork.objects.values_list("cidr", flat=True))

    def write(self) -> None:
        if self.wanted is None:
            return
        stored = set(PrivateNetwork.objects.values_list("cidr", flat=True))
        new, old = [cidr for cidr in self.wanted if cidr not in stored], sorted(stored - set(self.wanted))
        PrivateNetwork.objects.bulk_create([PrivateNetwork(cidr=cidr) for cidr in new])
        PrivateNetwork.objects.filter(cidr__in=old).delete()  # no ledger refers to it
        self.run.changes += [Change(Action.CREATE, "private network", cidr) for cidr in new]
        self.run.changes += [Change(Action.RETIRE, "private network", cidr) for cidr in old]
