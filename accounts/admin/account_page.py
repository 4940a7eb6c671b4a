"""What an account's page and list say of its state: how it stands at its venue, and why it takes no entries."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.conf import settings

from accounts import credentials
from accounts.brokers import kinds, registry
from accounts.brokers.base import Balance, BrokerError, Capabilities
from accounts.models import Account, AccountSync, Credential
from tradeops.core import clock, money
from tradeops.core.errors import ConfigurationError

COLOURS = {
    "active": "success", "frozen": "danger", "cannot trade": "danger", "not armed": "warning", "off": "warning",
    "retired": "default",
}  # fmt: skip
TRANSFERS = 10  # shown
_MAY = (
    ("read", "Read", True),
    ("trade", "Trade", True),
    ("withdraw", "Withdraw", False),
    ("ip_bound", "Bound to an address", True),
)


@dataclass(frozen=True)
class Permission:
    label: str
    word: str  # yes, no, unknown
    tone: str


def state(row: Account) -> str:
    if row.retired_at:
        return "retired"
    if not row.active:
        return "off"
    if row.frozen_reason:
        return "frozen"
    if credentials.problem_of(row):
        return "cannot trade"
    return "not armed" if not_armed(row) else "active"


def not_armed(row: Account) -> bool:
    """As the claim of a send sees it (R5)."""
    return settings.TRADING != "live" and not row.is_paper and not row.sandbox


def equity(row: Account) -> str:
    sync = _sync(row)
    return f"{money.plain(sync.equity)} {row.currency}" if sync and sync.equity is not None else ""


def read(row: Account) -> str:
    """When the account was last read from its venue, or that it cannot be."""
    sync = _sync(row)
    if sync is None or (sync.synced_at is None and not sync.problem):
        return ""
    if sync.problem:
        return "fails"
    seconds = int((clock.now() - sync.synced_at).total_seconds()) if sync.synced_at else 0
    return f"{seconds} s ago" if seconds < 120 else f"{seconds // 60} min ago"


def context(row: Account) -> dict[str, Any]:
    """For `templates/admin/accounts/account.html`."""
    capabilities = _capabilities(row)
    credential: Credential | None = getattr(row, "credential", None)
    needs = bool(capabilities and capabilities.credentials)
    local = bool(capabilities and capabilities.local)
    return {
        "state": state(row),
        "sentences": _sentences(row),
        "needs_credentials": needs,
        "credential": credential,
        "permissions": _permissions(credential) if credential and credential.checked_at else [],
        "key_warnings": credentials.warnings(credential.facts) if credential else [],
        "key_notes": credential.facts.get("notes", []) if credential else [],
        "sync": _sync(row),
        "balances": _local_balances(row) if local else _balances(row),
        "transfers": list(row.transfers.order_by("-at", "-pk")[:TRANSFERS]),
        "venue_positions": list(row.venue_positions.order_by("symbol", "side")),
        "shows_positions": bool(capabilities and capabilities.positions and not local),
        "is_local": local,
    }


def _capabilities(row: Account) -> Capabilities | None:
    try:
        return kinds.capabilities(row.broker)
    except ConfigurationError:
        return None


def _sync(row: Account) -> AccountSync | None:
    return getattr(row, "sync", None)


def _sentences(row: Account) -> list[str]:
    """Everything that keeps entries from it, the first thing to do first."""
    found = []
    if row.retired_at:
        return ["It is retired: nothing trades on it. The configuration file can put it back."]
    if not row.active:
        found.append("It is switched off: no order goes to it. Switch it on below.")
    if row.frozen_reason:
        since = f" since {row.frozen_at:%Y-%m-%d %H:%M} UTC" if row.frozen_at else ""
        by = f" by {row.frozen_by}" if row.frozen_by else ""
        found.append(f"It is frozen{since}{by}: {row.frozen_reason}. No entry is opened; exits pass.")
    if problem := credentials.problem_of(row):
        found.append(f"It is {problem}.")
    if not_armed(row):
        found.append(
            "It is a real account and not armed: TRADEOPS_TRADING is not live, so that every order for it is rejected "
            "as not_armed."
        )
    if row.dry_run:
        found.append("It only runs dry: its broker says what it would do.")
    return found


def _permissions(credential: Credential) -> list[Permission]:
    found = []
    for name, label, good in _MAY:
        value = credential.facts.get(name)
        word = "unknown" if value is None else "yes" if value else "no"
        tone = "warning" if value is None else "success" if bool(value) is good else "danger"
        if name == "ip_bound" and tone == "danger":
            tone = "warning"
        found.append(Permission(label, word, tone))
    return found


def _balances(row: Account) -> list[dict[str, Any]]:
    return [
        {"currency": held.currency, "total": held.total, "free": held.free}
        for held in row.balances.order_by("currency")
    ]


def _local_balances(row: Account) -> list[dict[str, Any]]:
    """A broker whose books are in this database is asked itself."""
    try:
        found: dict[str, Balance] = registry.broker_for(row).balances()
    except (BrokerError, ConfigurationError):
        return []
    return [{"currency": name, "total": held.total, "free": held.free} for name, held in sorted(found.items())]
