"""Kill switches: global, per strategy, per account. They are rows, so they survive a restart (D5)."""

from __future__ import annotations

from dataclasses import dataclass, replace
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
    """The switches that are on, and the strategies that a rule has halted, as (scope, key)."""

    on: frozenset[tuple[str, str]]
    halted: frozenset[tuple[str, str]] = frozenset()

    def stopping(self, *, strategy: str, account: str = "") -> tuple[str, ...]:
        """Those that stop entries here, such as ("global", "strategy trend")."""
        keys = [(Scope.GLOBAL.value, ""), (Scope.STRATEGY.value, strategy), (Scope.ACCOUNT.value, account)]
        return tuple(f"{scope} {key}".strip() for scope, key in keys if (scope, key) in self.on)

    def halts(self, strategy: str) -> bool:
        """Whether a rule has stopped its entries until a person lets it go on."""
        return (Scope.STRATEGY.value, strategy) in self.halted

    def with_halt(self, strategy: str) -> Switches:
        return replace(self, halted=self.halted | {(Scope.STRATEGY.value, strategy)})


def read() -> Switches:
    """From the database each time, never from a cache."""
    found = rows.select(RiskScope, *_READ, where="kill_switch OR halted_at IS NOT NULL")
    return _switches({(scope, key): (on, halted) for scope, key, on, halted in found})


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
    return _switches(found)


_READ = ("scope", "key", "kill_switch", "halted_at")
_Found = dict[tuple[str, str], tuple[bool, datetime | None]]


def _switches(found: _Found) -> Switches:
    return Switches(
        frozenset(pair for pair, (on, _) in found.items() if on),
        frozenset(pair for pair, (_, halted) in found.items() if halted is not None),
    )


def _locked(wanted: list[tuple[str, str]]) -> _Found:
    # Ordered by primary key: the same order in every transaction, so that two never wait for each other.
    keys = [key for _, key in wanted]
    marks = ", ".join(["%s"] * len(keys))
    where = f"key IN ({marks}) OR kill_switch OR halted_at IS NOT NULL"
    found = rows.select(RiskScope, *_READ, where=where, params=keys, lock=True)
    return {(scope, key): (on, halted) for scope, key, on, halted in found}
