"""Every rule there is, in the order they are asked and shown. A new rule is one file and one line here."""

from __future__ import annotations

from typing import Any

from tradeops.core.errors import ConfigurationError

from .base import Rule
from .rules.account import AccountReady
from .rules.allowed_symbols import AllowedSymbols
from .rules.kill_switch import KillSwitch
from .rules.max_open_positions import MaxOpenPositions
from .rules.max_order_notional import MaxOrderNotional
from .rules.max_position_size import MaxPositionSize
from .rules.max_positions_per_symbol import MaxPositionsPerSymbol
from .rules.price import Price
from .rules.stale import Stale

RULES: tuple[Rule, ...] = (
    KillSwitch(),
    AccountReady(),
    Stale(),
    AllowedSymbols(),
    Price(),
    MaxOpenPositions(),
    MaxPositionsPerSymbol(),
    MaxPositionSize(),
    MaxOrderNotional(),
)
BY_SLUG: dict[str, Rule] = {rule.slug: rule for rule in RULES}


def parse_limit(rule: str, value: Any) -> Any:
    """A limit of the `risk` section in its stored JSON form. Raises ConfigurationError naming rule and fault."""
    if rule not in BY_SLUG:
        raise ConfigurationError(f"there is no rule {rule!r}; there are {', '.join(sorted(BY_SLUG))}")
    return BY_SLUG[rule].parse(value)
