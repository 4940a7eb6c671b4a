"""What stands between an account and its next entry, for its page: limits and switches are of an app above accounts."""

from __future__ import annotations

from typing import Any

from django import template
from django.db.models import Q

from accounts.models import Account
from signals.models import Order, RiskLimit, RiskScope, SymbolBlock
from signals.models.risk import Scope
from signals.risk import usage

register = template.Library()
register.filter("limit_said", usage.said)


@register.simple_tag
def risk_of(account: Account) -> dict[str, Any]:
    """`switches` that are on for it, whether its `own` is, the `limits` that bind it, its own ones first, and what
    keeps entries of single symbols back: orders in `doubt` and `blocks`."""
    here = Q(scope=Scope.GLOBAL) | Q(scope=Scope.ACCOUNT, key=account.slug)
    switches = list(RiskScope.objects.filter(here, kill_switch=True).order_by("scope"))
    return {
        "switches": switches,
        "own": any(row.scope == Scope.ACCOUNT for row in switches),
        "doubt": list(Order.objects.filter(account=account, status=Order.Status.UNKNOWN).order_by("id")[:10]),
        "blocks": list(SymbolBlock.objects.filter(account=account, lifted_at=None).order_by("symbol")[:10]),
        "limits": list(RiskLimit.objects.filter(here).order_by("scope", "rule")),
    }
