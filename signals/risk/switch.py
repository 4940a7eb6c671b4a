"""Kill switches: global, per strategy, per account. They are rows, so they survive a restart (D5)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from accounts.models import Account
from signals.models import RiskScope, Strategy
from signals.models.risk import Scope
from tradeops.core import events, rows
from tradeops.core.errors import Refused
from tradeops.core.events import Event, Level


def set(*, scope: str, key: str = "", on: bool, reason: str, by: str, now: datetime) -> bool:
    """Turns a switch; returns whether it changed. In effect for every send claimed after the commit.

    Raises Refused for an unknown scope, strategy or account.
    """
    _check_target(scope, key)
    with transaction.atomic():
        RiskScope.objects.bulk_create([RiskScope(scope=scope, key=key)], ignore_conflicts=True)
        row = RiskScope.objects.select_for_update(no_key=True).get(scope=scope, key=key)
        if row.kill_switch == on:
            return False
        row.kill_switch, row.reason, row.changed_by, row.changed_at = on, reason[:200], by[:150], now
        row.save(update_fields=["kill_switch", "reason", "changed_by", "changed_at"])
        where = f"{scope} {key}".strip()
        word = "on" if on else "off"
        events.publish(
            Event(
                name=f"kill_switch.{word}",
                at=now,
                level=Level.CRITICAL if on else Level.WARNING,
                title=f"Kill switch {word} ({where}) by {by}" + (f": {reason}" if reason else ""),
                strategy=key if scope == Scope.STRATEGY else "",
                account=key if scope == Scope.ACCOUNT else "",
                body={"scope": scope, "key": key, "by": by, "reason": reason},
            )
        )
    return True


def _check_target(scope: str, key: str) -> None:
    known: dict[str, bool] = {
        Scope.GLOBAL: key == "",
        Scope.STRATEGY: scope == Scope.STRATEGY and Strategy.objects.filter(slug=key).exists(),
        Scope.ACCOUNT: scope == Scope.ACCOUNT and Account.objects.filter(slug=key).exists(),
    }
    if scope not in known:
        raise Refused(f"there is no scope {scope!r}; use global, strategy or account", code="unknown_scope")
    if not known[scope]:
        raise Refused(f"there is no {scope} {key!r}", code="unknown_target")


def states() -> list[RiskScope]:
    """Every switch that was ever turned, the ones that are on first."""
    return list(RiskScope.objects.exclude(changed_at=None).order_by("-kill_switch", "scope", "key"))


@dataclass(frozen=True)
class Switches:
    """The switches that are on, as (scope, key)."""

    on: frozenset[tuple[str, str]]

    def stopping(self, *, strategy: str, account: str = "") -> tuple[str, ...]:
        """Those that stop entries here, such as ("global", "strategy trend")."""
        keys = [(Scope.GLOBAL.value, ""), (Scope.STRATEGY.value, strategy), (Scope.ACCOUNT.value, account)]
        return tuple(f"{scope} {key}".strip() for scope, key in keys if (scope, key) in self.on)


def read() -> Switches:
    """From the database each time, never from a cache."""
    return Switches(frozenset(rows.select(RiskScope, "scope", "key", where="kill_switch")))


def lock(*, strategies: list[str], accounts: list[str]) -> Switches:
    """Locks the scope rows, making them where missing, and returns the switches that are on.

    To be called in the transaction that checks rules and takes room: two of them never check side by side.
    """
    wanted = [(Scope.GLOBAL.value, "")] if strategies else []
    wanted += [(Scope.STRATEGY.value, slug) for slug in strategies]
    wanted += [(Scope.ACCOUNT.value, slug) for slug in accounts]
    found = _locked(wanted)
    missing = [pair for pair in wanted if pair not in found]
    if missing:
        RiskScope.objects.bulk_create([RiskScope(scope=s, key=k) for s, k in missing], ignore_conflicts=True)
        found.update(_locked(missing))
    return Switches(frozenset(pair for pair, on in found.items() if on))


def _locked(wanted: list[tuple[str, str]]) -> dict[tuple[str, str], bool]:
    # Ordered by primary key: the same order in every transaction, so that two never wait for each other.
    keys = [key for _, key in wanted]
    marks = ", ".join(["%s"] * len(keys))
    found = rows.select(
        RiskScope, "scope", "key", "kill_switch", where=f"key IN ({marks}) OR kill_switch", params=keys, lock=True
    )
    return {(scope, key): on for scope, key, on in found}
