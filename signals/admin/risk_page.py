"""How much of every limit is used, what is stopped and halted, and what is being maintained, on one page."""

from __future__ import annotations

from typing import Any

from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from accounts.selectors import scope, visible_accounts
from signals import visibility
from signals.models import AccountEquity, RiskLimit
from signals.models.risk import Scope
from signals.risk import halts, maintenance, switch, usage
from tradeops.core import clock


def view(request: HttpRequest, *, context: dict[str, Any]) -> HttpResponse:
    """A person who is bound to some clients sees the limits and the state of these only."""
    now, bound = clock.now(), scope(request.user)
    limits = RiskLimit.objects.order_by("scope", "key", "rule")
    accounts = set(visible_accounts(request.user).values_list("slug", flat=True))
    strategies = set(visibility.strategies(bound).values_list("slug", flat=True))
    if bound is not None:
        limits = limits.filter(Q(scope=Scope.ACCOUNT, key__in=accounts))
    groups: dict[tuple[str, str], list[usage.Use]] = {}
    for use in usage.uses(limits, now=now):
        groups.setdefault((use.scope, use.key), []).append(use)
    order = list(Scope.values)
    switches = [row for row in switch.states() if row.kill_switch and _mine(row, accounts, strategies)]
    return TemplateResponse(
        request,
        "admin/signals/risk_page.html",
        {
            **context,
            "title": "Risk",
            "groups": sorted(groups.items(), key=lambda item: (order.index(item[0][0]), item[0][1])),
            "switches": switches,
            "halts": [row for row in halts.halted() if row.key in strategies],
            "windows": [row for row in maintenance.windows() if bound is None and row.ends_at > now],
            "equities": AccountEquity.objects.filter(account__slug__in=accounts)
            .select_related("account")
            .order_by("account__slug"),
            "now": now,
        },
    )


def _mine(row: Any, accounts: set[str], strategies: set[str]) -> bool:
    known = {Scope.STRATEGY.value: strategies, Scope.ACCOUNT.value: accounts}
    return row.scope == Scope.GLOBAL or row.key in known.get(row.scope, set())
