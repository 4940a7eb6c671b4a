"""All rules over one proposal. A rule that raises is a rejection (D4)."""

from __future__ import annotations

from collections.abc import Iterable

from signals.models import RiskLimit
from signals.models.risk import Scope
from tradeops.core import configuration, logs

from .base import ERROR, Limit, Proposal, Rule, Verdict
from .registry import RULES

logger = logs.get(__name__)


def _load() -> dict[tuple[str, str, str], object]:
    return {(row.scope, row.key, row.rule): row.value for row in RiskLimit.objects.all()}


_limits = configuration.Cached(_load)


def limits_for(rule: str, *, strategy: str, account: str) -> list[Limit]:
    """The limits of one rule in the three scopes that apply, global first."""
    stored = _limits()
    scopes = ((Scope.GLOBAL, ""), (Scope.STRATEGY, strategy), (Scope.ACCOUNT, account))
    return [Limit(scope, stored[scope, key, rule]) for scope, key in scopes if (scope, key, rule) in stored]


def judge(proposal: Proposal, *, rules: Iterable[Rule] = RULES) -> list[Verdict]:
    """A verdict of every rule that applies: exits and relays are only asked what binds them (exits always pass)."""
    verdicts = []
    for rule in rules:
        if proposal.reduces and not rule.binds_exits:
            continue
        if not proposal.account and not rule.binds_endpoints:
            continue
        limits = limits_for(rule.slug, strategy=proposal.strategy, account=proposal.account)
        try:
            verdicts.append(rule.check(proposal, limits))
        except Exception as error:  # noqa: BLE001  (whatever a rule cannot answer must not pass)
            logger.warning("a rule could not tell and rejects", rule=rule.slug, error=str(error))
            verdicts.append(Verdict(rule.slug, ERROR, None, None, f"{rule.slug} could not tell: {error}"))
    return verdicts
