"""Every rule there is, in the order they are asked and shown. A new rule is one file and one line here."""

from __future__ import annotations

from typing import Any

from tradeops.core.errors import ConfigurationError

from .base import Rule
from .rules.account import AccountReady
from .rules.allowed_symbols import AllowedSymbols
from .rules.confidence_floor import ConfidenceFloor
from .rules.cooldown_after_loss import CooldownAfterLoss
from .rules.daily_loss import DailyLoss
from .rules.dte_range import DteRange
from .rules.duplicate_direction import DuplicateDirection
from .rules.halted import Halted
from .rules.kill_switch import KillSwitch
from .rules.maintenance import Maintenance
from .rules.market_hours import MarketHours
from .rules.max_drawdown import MaxDrawdown
from .rules.max_exposure import MaxExposure
from .rules.max_leverage import MaxLeverage
from .rules.max_open_positions import MaxOpenPositions
from .rules.max_order_notional import MaxOrderNotional
from .rules.max_orders_per_minute import MaxOrdersPerMinute
from .rules.max_position_size import MaxPositionSize
from .rules.max_positions_per_symbol import MaxPositionsPerSymbol
from .rules.max_premium import MaxPremium
from .rules.max_spread import MaxSpread
from .rules.netting import Netting
from .rules.price import Price
from .rules.price_collar import PriceCollar
from .rules.stale import Stale
from .rules.trading_window import TradingWindow

RULES: tuple[Rule, ...] = (
    KillSwitch(),
    Halted(),
    AccountReady(),
    Maintenance(),
    Stale(),
    TradingWindow(),
    MarketHours(),
    AllowedSymbols(),
    Price(),
    MaxSpread(),
    PriceCollar(),
    ConfidenceFloor(),
    MaxOrdersPerMinute(),
    CooldownAfterLoss(),
    DailyLoss(),
    MaxDrawdown(),
    MaxOpenPositions(),
    MaxPositionsPerSymbol(),
    DuplicateDirection(),
    Netting(),
    MaxPositionSize(),
    MaxOrderNotional(),
    MaxExposure(),
    MaxLeverage(),
    DteRange(),
    MaxPremium(),
)
BY_SLUG: dict[str, Rule] = {rule.slug: rule for rule in RULES}


def parse_limit(rule: str, value: Any) -> Any:
    """A limit of the `risk` section in its stored JSON form. Raises ConfigurationError naming rule and fault."""
    if rule not in BY_SLUG:
        raise ConfigurationError(f"there is no rule {rule!r}; there are {', '.join(sorted(BY_SLUG))}")
    return BY_SLUG[rule].parse(value)
