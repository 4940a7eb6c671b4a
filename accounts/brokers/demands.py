"""What an order asks of a broker, held against what the broker declares: refused here, before any network call."""

from __future__ import annotations

from .base import BrokerRejected, Capabilities, OrderRequest, Rejection, TimeInForce


def check(request: OrderRequest, capabilities: Capabilities, *, venue: str) -> None:
    """Raises BrokerRejected(`unsupported`) naming the first thing that is too much."""
    found = _undeclared(request, capabilities)
    if found:
        raise BrokerRejected(f"{venue} has no {found}", code=Rejection.UNSUPPORTED)


def _undeclared(request: OrderRequest, declared: Capabilities) -> str:
    """The first of what is asked for and not declared; empty if all of it is."""
    asked = (
        (request.market not in declared.markets, f"{request.market} market"),
        (request.type not in declared.order_types, f"{request.type.replace('_', ' ')} orders"),
        (
            request.time_in_force not in {TimeInForce.GTC, *declared.time_in_force},
            f"{request.time_in_force} orders",
        ),
        (request.post_only and not declared.post_only, "post-only orders"),
        (request.quote_amount is not None and not declared.quote_amount, "buying for an amount of money"),
        (bool(request.attached) and not declared.attached_exits, "exits attached to an entry"),
        (request.leverage is not None and request.leverage != 1 and not declared.leverage, "leverage to set"),
        (
            request.market != "spot" and request.margin_mode not in {"", *declared.margin_modes},
            f"{request.margin_mode} margin",
        ),
    )
    return next((what for missing, what in asked if missing), "")
