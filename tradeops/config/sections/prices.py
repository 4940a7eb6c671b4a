"""`prices`, the same field of accounts and strategies: a registered source, or the real prices of a venue by its name.

`{venue: okx}` is stored, and exported, as `venue:okx`; both can be given.
"""

from __future__ import annotations

from django.conf import settings

from accounts.brokers import kinds
from tradeops.config.reader import Mapping, Node, Scalar
from tradeops.config.schema import At, Choice, Record, one_of

VENUE = "venue"


class PriceSource:
    _name = Choice(lambda: settings.PRICE_SOURCES, "source of prices")

    def read(self, node: Node, at: At) -> str:
        if isinstance(node, Mapping):
            named = Record({VENUE: _Venue()}, required=(VENUE,)).read(node, at)
            return f"{VENUE}:{named[VENUE]}"
        if isinstance(node, Scalar) and node.text.startswith(f"{VENUE}:"):
            return f"{VENUE}:{_venue(node.text.removeprefix(f'{VENUE}:'), node, at)}"
        return self._name.read(node, at)


class _Venue:
    def read(self, node: Node, at: At) -> str:
        return _venue(Choice(_names, "venue").read(node, at), node, at)


def _names() -> list[str]:
    """Those that may have prices of their own; whether one has is said by its broker when it is asked."""
    return [kind for kind in kinds.kinds() if kind != "paper"]


def _venue(name: str, node: Node, at: At) -> str:
    if name not in _names():
        at.fail(node, one_of(name, _names(), noun=VENUE))
    return name
