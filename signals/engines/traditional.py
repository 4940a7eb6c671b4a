"""Engine A: does what the alert says. The rules, not the engine, say whether it may."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from signals.receive import Alert
from signals.strategies.actions import CANCEL, EXITS, Instruction

from .base import Opinion, share
from .evidence import NOTHING, Evidence

_BY_DIRECTION = {"long": "buy", "call": "buy", "short": "sell"}
_SIDES = {"long": "long", "call": "long", "short": "short", "put": "short"}


class TraditionalEngine:
    name = "A"
    looks = False

    def __init__(self, given: Mapping[str, Any] | None = None) -> None:
        """It takes no settings."""

    def read(self, alert: Alert, evidence: Evidence = NOTHING) -> Opinion:
        """Its confidence is the message's; one above 1 is a percentage."""
        found, given = instructed(alert), alert.confidence
        if given is None:
            return found
        return replace(found, confidence=share(given / 100 if given > 1 else given))


def instructed(alert: Alert) -> Opinion:
    """The alert's own instruction."""
    if alert.market_position:
        return Opinion(Instruction(target=alert.market_position), f"be {alert.market_position}")
    action = alert.action or _BY_DIRECTION.get(alert.direction, "")
    if action in EXITS:
        return Opinion(Instruction(action=action, side=_SIDES.get(alert.direction, "")), action)
    if action in ("buy", "sell"):
        if alert.reduce_only:
            # Only what reduces: the side that the order would close.
            side = "short" if action == "buy" else "long"
            return Opinion(Instruction(action="close", side=side, partly=True), "reduce only")
        # Of a put it is never the underlying that is bought.
        return Opinion(Instruction(action=action, right="put" if alert.direction == "put" else ""), action)
    if action in ("reverse", CANCEL):
        return Opinion(Instruction(action=action), action)
    if alert.direction == "put":
        return Opinion(Instruction(action="buy", right="put"), "buy a put")
    said = action or f"direction {alert.direction}"
    return Opinion(None, f"{said} is not something this version trades")
