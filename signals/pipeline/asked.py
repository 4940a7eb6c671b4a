"""What a message asks of an account's broker, and whether that broker declares it (X1): refused before any call."""

from __future__ import annotations

from accounts.brokers import registry
from accounts.brokers.base import Capabilities
from accounts.models import Account
from signals.receive import Alert
from signals.strategies.symbols import Mapped
from tradeops.core.errors import ConfigurationError


def beyond(alert: Alert, account: Account, mapped: Mapped | None, *, reduces: bool) -> str:
    """What the message asks for and the account's broker does not declare; empty = nothing.

    An exit is asked only for how it is executed: where and with what else is an entry's matter.
    """
    try:
        able = registry.capabilities(account.broker)
    except ConfigurationError as error:
        return str(error)
    problem = _manner(alert, able)
    return problem or ("" if reduces else _entry(alert, account, mapped, able))


def _manner(alert: Alert, able: Capabilities) -> str:
    if alert.order_type not in {str(kind) for kind in able.order_types}:
        return f"{alert.order_type} orders"
    if alert.post_only and not able.post_only:
        return "post-only orders"
    if alert.time_in_force not in ("", "gtc", *(str(one) for one in able.time_in_force)):
        return f"time in force {alert.time_in_force}"
    return ""


def _entry(alert: Alert, account: Account, mapped: Mapped | None, able: Capabilities) -> str:
    if account.market not in able.markets:
        return f"the {account.market} market"
    wanted = alert.market or (mapped.market if mapped else "")
    if wanted and wanted != account.market:
        return f"the {wanted} market (the account trades {account.market})"
    return _margin(alert, account, able)


def _margin(alert: Alert, account: Account, able: Capabilities) -> str:
    if account.market == "spot":
        return "leverage on the spot market" if alert.leverage is not None and alert.leverage != 1 else ""
    if alert.leverage is not None and not able.leverage:
        return "leverage"
    if alert.margin_mode and alert.margin_mode not in able.margin_modes:
        return f"{alert.margin_mode} margin"
    return ""
