"""`prices`, the same field of accounts and strategies: the name of a registered source."""

from __future__ import annotations

from django.conf import settings

from tradeops.config.reader import Mapping, Node
from tradeops.config.schema import At, Choice


class PriceSource:
    _name = Choice(lambda: settings.PRICE_SOURCES, "source of prices")

    def read(self, node: Node, at: At) -> str:
        if isinstance(node, Mapping):
            at.fail(node, f"a map such as {{venue: okx}} is not available in this version; use {_listed()}")
        return self._name.read(node, at)


def _listed() -> str:
    return " or ".join(sorted(settings.PRICE_SOURCES))
