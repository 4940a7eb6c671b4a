"""The admin's look: names, colours and the menu."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest
from django.templatetags.static import static
from django.urls import reverse_lazy


def _may_view(model: str) -> Callable[[HttpRequest], bool]:
    app, _, name = model.partition(".")

    def permission(request: HttpRequest) -> bool:
        # As Django's admin has it: who may change may view.
        user: Any = request.user
        return bool(user.has_perm(f"{app}.view_{name}") or user.has_perm(f"{app}.change_{name}"))

    return permission


def _item(title: str, icon: str, model: str) -> dict[str, Any]:
    app, _, name = model.partition(".")
    return {
        "title": title,
        "icon": icon,
        "link": reverse_lazy(f"admin:{app}_{name}_changelist"),
        "permission": _may_view(model),
    }


def _group(title: str, *items: dict[str, Any], collapsible: bool = False) -> dict[str, Any]:
    return {"title": title, "separator": bool(title), "collapsible": collapsible, "items": list(items)}


def _may_turn(request: HttpRequest) -> bool:
    return bool(request.user.has_perm("signals.change_riskscope"))


NAVIGATION = [
    _group(
        "Overview",
        {"title": "Dashboard", "icon": "space_dashboard", "link": reverse_lazy("admin:index")},
        {
            "title": "Kill switch",
            "icon": "power_settings_new",
            "link": reverse_lazy("admin:signals_riskscope_turn"),
            "permission": _may_turn,
        },
    ),
    _group(
        "Signals",
        _item("Signals", "bolt", "signals.signal"),
        _item("Decisions", "gavel", "signals.decision"),
        _item("Silence", "hearing", "signals.silence"),
        _item("Differences", "difference", "signals.difference"),
        _item("Request log", "block", "signals.refusedattempt"),
    ),
    _group(
        "Trading",
        _item("Orders", "receipt_long", "signals.order"),
        _item("Fills", "done_all", "signals.fill"),
        _item("Bridge reports", "assignment_turned_in", "signals.bridgereport"),
        _item("Positions", "candlestick_chart", "signals.position"),
        _item("Paper balances", "account_balance_wallet", "signals.paperbalance"),
        _item("Paper orders", "draft", "signals.paperorder"),
    ),
    _group(
        "Relay",
        _item("Deliveries", "outbox", "relay.delivery"),
        _item("Dead letters", "unsubscribe", "relay.deadletter"),
        _item("Attempts", "repeat", "relay.attempt"),
        _item("Health checks", "vital_signs", "relay.healthcheck"),
    ),
    _group(
        "Notifications",
        _item("Critical alerts", "notification_important", "relay.alarm"),
        _item("Messages", "chat", "relay.message"),
        _item("Notifications", "notifications", "relay.notification"),
    ),
    _group(
        "Firewall",
        _item("Rules", "security", "accounts.firewallrule"),
        _item("Bans", "timer_off", "accounts.firewallban"),
        _item("Settings", "tune", "accounts.firewallsettings"),
        collapsible=True,
    ),
    _group(
        "Configuration",
        _item("Strategies", "psychology", "signals.strategy"),
        _item("Sources", "input", "signals.source"),
        _item("Accounts", "account_balance", "accounts.account"),
        _item("Endpoints", "dns", "relay.endpoint"),
        _item("Endpoint groups", "device_hub", "relay.endpointgroup"),
        _item("Channels", "campaign", "relay.channel"),
        _item("Risk limits", "shield", "signals.risklimit"),
        _item("Address lists", "list_alt", "signals.addresslist"),
        _item("Private networks", "lan", "relay.privatenetwork"),
        _item("Clients", "groups", "accounts.client"),
        _item("Operators", "person", "accounts.operator"),
        _item("Groups", "group", "auth.group"),
        collapsible=True,
    ),
    _group(
        "Machine room",
        _item("Heartbeats", "monitor_heart", "core.heartbeat"),
        _item("Leases", "key", "core.lease"),
        _item("Work items", "checklist", "signals.workitem"),
        _item("Order steps", "stairs", "signals.orderstep"),
        _item("Expiry warnings", "event_busy", "signals.expirywarning"),
        _item("Watch rounds", "visibility", "signals.watchround"),
        _item("Duplicate keys", "content_copy", "signals.dedupkey"),
        _item("Kill switch rows", "toggle_on", "signals.riskscope"),
        _item("Failed tasks", "error", "django_q.failure"),
        _item("Schedules", "schedule", "django_q.schedule"),
        _item("Breakers", "electrical_services", "relay.endpointstate"),
        _item("Uptime by hour", "timelapse", "relay.uptimehour"),
        _item("Cursors", "bookmark", "core.cursor"),
        _item("Configuration version", "tag", "core.configurationversion"),
        _item("Sealed values", "lock", "core.sealedvalue"),
        collapsible=True,
    ),
]

UNFOLD: dict[str, Any] = {
    "SITE_TITLE": "TradeOps",
    "SITE_HEADER": "TradeOps",
    "SITE_SUBHEADER": "Trading operations",
    "SITE_SYMBOL": "candlestick_chart",
    "SITE_URL": None,
    "SHOW_HISTORY": True,
    "SHOW_VIEW_ON_SITE": False,
    "ENVIRONMENT": "tradeops.dashboard.environment",
    "DASHBOARD_CALLBACK": "tradeops.dashboard.context",
    "BORDER_RADIUS": "8px",
    "STYLES": [lambda request: static("tradeops/portal.css")],
    "SCRIPTS": [lambda request: static("tradeops/portal.js")],
    "SITE_FAVICONS": [{"rel": "icon", "type": "image/svg+xml", "href": lambda request: static("tradeops/favicon.svg")}],
    "COLORS": {
        # A calm blue: green, amber and red are left to mean something.
        "primary": {
            "50": "oklch(97% .014 254.6)",
            "100": "oklch(93.2% .032 255.6)",
            "200": "oklch(88.2% .059 254.1)",
            "300": "oklch(80.9% .105 251.8)",
            "400": "oklch(70.7% .165 254.6)",
            "500": "oklch(62.3% .214 259.8)",
            "600": "oklch(54.6% .245 262.9)",
            "700": "oklch(48.8% .243 264.4)",
            "800": "oklch(42.4% .199 265.6)",
            "900": "oklch(37.9% .146 265.5)",
            "950": "oklch(28.2% .091 267.9)",
        },
    },
    "LOGIN": {"form": "accounts.sign_in.SignInForm"},
    "SIDEBAR": {"show_search": True, "show_all_applications": False, "navigation": NAVIGATION},
}
