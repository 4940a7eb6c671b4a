"""An account's equity curve for its page: it is of an app above accounts."""

from __future__ import annotations

from typing import Any

from django import template

from accounts.models import Account
from signals.portfolio import equity_chart
from tradeops.core import clock

register = template.Library()


@register.simple_tag(takes_context=True)
def equity_of(context: dict[str, Any], account: Account) -> dict[str, Any]:
    """The `chart`, as far back as `?curve=` says in days, and the `spans` to choose from."""
    request = context.get("request")
    span = request.GET.get("curve", "") if request is not None else ""
    chart = equity_chart.of(account, span=span, now=clock.now())
    return {"chart": chart, "spans": equity_chart.SPANS.items()}
