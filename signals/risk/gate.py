"""All rules over one proposal. A rule that raises is a rejection (D4)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from signals.models import RiskLimit
from signals.models.risk import Scope
from tradeops.core import configuration, logs

from .base import ERROR, Limit, Proposal, Rule, Verdict
from .registry import RULES

logger = logs.get(__name__)


class _Limits:
    """All limits that are set, and those of each pair of strategy and account that has been asked for."""

    def __init__(self) -> None:
        self._set = list(RiskLimit.objects.values_list("scope", "key", "rule", "value"))
        self._pairs: dict[tuple[str, str], Mapping[str, list[Limit]]] = {}

    def of(self, strategy: str, account: str) -> Mapping[str, list[Limit]]:
        """By rule, global first."""
        found = self._pairs.get((strategy, account))
        if found is None:
            found = self._pairs[strategy, account] = self._of(strategy, account)
        return found

    def _of(self, strategy: str, account: str) -> dict[str, list[Limit]]:
        found: dict[str, list[Limit]] = {}
        for scope, key in ((Scope.GLOBAL, ""), (Scope.STRATEGY, strategy), (Scope.ACCOUNT, account)):
            for limited, name, rule, value in self._set:
                if (limited, name) == (scope, key):
                    found.setdefault(rule, []).append(Limit(scope, value))
        return found


_limits = configuration.Cached(_Limits)
_NONE: list[Limit] = []


def limits_for(rule: str, *, strategy: str, account: str) -> list[Limit]:
    """The limits of one rule in the three scopes that apply, global first. They are shared: do not change them."""
    return _limits().of(strategy, account).get(rule, _NONE)


def judge(proposal: Proposal, *, rules: Iterable[Rule] = RULES) -> list[Verdict]:
    """A verdict of every rule that applies: exits and relays are only asked what binds them (exits always pass)."""
    verdicts = []
    stored = _limits().of(proposal.strategy, proposal.account)
    for rule in rules:
        if proposal.reduces and not rule.binds_exits:
            continue
        if not proposal.account and not rule.binds_endpoints:
            continue
        try:
            verdicts.append(rule.check(proposal, stored.get(rule.slug, _NONE)))
        except Exception as error:  # noqa: BLE001  (whatever a rule cannot answer must not pass)
            logger.warning("a rule could not tell and rejects", rule=rule.slug, error=str(error))
            verdicts.append(Verdict(rule.slug, ERROR, None, None, f"{rule.slug} could not tell: {error}"))
    return verdicts
