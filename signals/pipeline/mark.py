"""What is held is marked with the price that a message brought: there is no other between two messages (P1)."""

from __future__ import annotations

from tradeops.core import rows

from .desk import Desk


def held(desk: Desk) -> None:
    """In the decision's transaction, whose locks keep others from the positions of the account."""
    quote = desk.look.quote
    if quote is None or quote.source != "message":
        return
    for position in desk.exposure.held(desk.key).values():
        if position.marked_at is None or position.marked_at < quote.at:
            desk.exposure.mark(position, price=quote.last, at=quote.at)
            rows.update(position, "mark_price", "marked_at")
