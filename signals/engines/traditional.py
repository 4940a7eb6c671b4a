"""Engine A: does what the alert says. The rules, not the engine, say whether it may."""

from __future__ import annotations

from signals.receive import Alert
from signals.strategies.actions import EXITS, Instruction

from .base import Opinion

_BY_DIRECTION = {"long": "buy", "call": "buy", "short": "sell"}
_SIDES = {"long": "long", "call": "long", "short": "short", "put": "short"}


class TraditionalEngine:
    name = "A"

    def read(self, alert: Alert) -> Opinion:
        if alert.market_position:
            return Opinion(Instruction(target=alert.market_position), f"be {alert.market_position}")
        action = alert.action or _BY_DIRECTION.get(alert.direction, "")
        if action in EXITS:
            return Opinion(Instruction(action=action, side=_SIDES.get(alert.direction, "")), action)
        if action in ("buy", "sell"):
            if alert.reduce_only:
                # Only what reduces: the side that the order would close.
                return Opinion(Instruction(action="close", side="short" if action == "buy" else "long"), "reduce only")
            return Opinion(Instruction(action=action), action)
        if action == "reverse":
            return Opinion(Instruction(action=action), action)
        said = action or f"direction {alert.direction}"
        return Opinion(None, f"{said} is not something this version trades")
