"""Shapes of messages. A parser turns one sender's shape into the standard fields (I3); `normalise` does the rest.

A new shape is one module with `claims` and `fields`, and one line in `PARSERS`, before `standard`.
"""

from __future__ import annotations

from typing import Any, Protocol

from tradeops.core.errors import InvalidPayload

from . import okx_signal, standard, text, threecommas_bot, threecommas_signal, traderspost

Content = dict[str, Any] | str


class Parser(Protocol):
    """A module with these two functions."""

    @staticmethod
    def claims(content: Any) -> bool:
        """Whether this decoded body (a JSON object, or the text of one that is not JSON) has the parser's shape."""

    @staticmethod
    def fields(content: Any) -> dict[str, Any]:
        """The same under the names of I3, unknown ones kept. Raises InvalidPayload."""


PARSERS: tuple[Parser, ...] = (  # modules are the instances
    text,  # type: ignore[assignment]
    threecommas_signal,
    threecommas_bot,
    okx_signal,
    traderspost,
    standard,
)


def fields(content: Content) -> dict[str, Any]:
    """By the first parser that claims the content. Raises InvalidPayload."""
    for parser in PARSERS:
        if parser.claims(content):
            return parser.fields(content)
    raise InvalidPayload("must be a JSON object, or one line such as: buy BTCUSDT qty=0.01 sl=2%")
