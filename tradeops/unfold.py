"""The admin's look: names, colours and the menu."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.conf import settings
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


def _experiments(request: HttpRequest) -> bool:
    from signals.strategies import experiments  # settings read this module, before there are models

    return experiments.are_running() and _may_view("signals.strategy")(request)


def _commands(request: HttpRequest) -> bool:
    return bool(settings.TELEGRAM_BOT_TOKEN) and settings.TELEGRAM_COMMANDS != "off"


def _may_see_commands(request: HttpRequest) -> bool:
    return _commands(request) and _may_view("accounts.telegramcommand")(request)


def _may_turn(request: HttpRequest) -> bool:
    return bool(request.user.has_perm("signals.change_riskscope"))


NAVIGATION = [
    _group(
        "Overview",
        {"title": "Dashboard", "icon": "space_dashboard", "link": reverse_lazy("admin:index")},
        {
            "title": "Risk",
            "icon": "speed",
            "link": reverse_lazy("admin:signals_risklimit_use"),
            "permission": _may_view("signals.risklimit"),
        },
        _item("Approvals", "how_to_reg", "signals.approval"),
        _item("Maintenance", "build", "signals.maintenancewindow"),
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
        {
            "title": "Experiments",
            "icon": "science",
            "link": reverse_lazy("admin:signals_strategy_experiments"),
            "permission": _experiments,
        },
        _item("Silence", "hearing", "signals.silence"),
        _item("Differences", "difference", "signals.difference"),
        _item("Request log", "block", "signals.refusedattempt"),
    ),
    _group(
        "Trading",
        _item("Orders", "receipt_long", "signals.order"),
        _item("Fills", "done_all", "signals.fill"),
        _item("Positions", "candlestick_chart", "signals.position"),
        _item("Exit plans", "shield", "signals.exitplan"),
        _item("Trades", "swap_vert", "signals.roundtrip"),
        _item("Profit and loss", "monitoring", "signals.pnlday"),
        _item("Venue differences", "compare_arrows", "signals.venuedifference"),
        _item("Reconciliations", "published_with_changes", "signals.reconciliation"),
        _item("External trades", "pan_tool", "signals.externaltrade"),
        _item("External positions", "call_split", "signals.externalposition"),
        _item("Symbol blocks", "lock", "signals.symbolblock"),
        _item("Bridge reports", "assignment_turned_in", "signals.bridgereport"),
        _item("Paper balances", "account_balance_wallet", "signals.paperbalance"),
        _item("Paper orders", "draft", "signals.paperorder"),
        _item("Paper trades", "edit_note", "signals.papertrade"),
        _item("Paper contracts", "contract", "signals.paperposition"),
        _item("Paper transfers", "swap_vert", "signals.papermove"),
        _item("Paper quotes", "monitoring", "signals.storedquote"),
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
        {
            "title": "Telegram commands",
            "icon": "terminal",
            "link": reverse_lazy("admin:accounts_telegramcommand_changelist"),
            "permission": _may_see_commands,
        },
    ),
    _group(
        "Me",
        {"title": "Authenticator", "icon": "password", "link": reverse_lazy("admin:accounts_operator_authenticator")},
        {
            "title": "My Telegram",
            "icon": "send",
            "link": reverse_lazy("admin:accounts_telegramlink_mine"),
            "permission": _commands,
        },
    ),
    _group(
        "Analysis",
        _item("Runs", "query_stats", "signals.analysisrun"),
        _item("Forecasts", "trending_up", "signals.forecast"),
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
        _item("Account groups", "groups", "accounts.accountgroup"),
        _item("Endpoints", "dns", "relay.endpoint"),
        _item("Endpoint groups", "device_hub", "relay.endpointgroup"),
        _item("Channels", "campaign", "relay.channel"),
        _item("Analyses", "calendar_month", "signals.analysisplan"),
        _item("Risk limits", "shield", "signals.risklimit"),
        _item("Address lists", "list_alt", "signals.addresslist"),
        _item("Private networks", "lan", "relay.privatenetwork"),
        _item("Clients", "groups", "accounts.client"),
        _item("Operators", "person", "accounts.operator"),
        {
            "title": "Telegram chats",
            "icon": "link",
            "link": reverse_lazy("admin:accounts_telegramlink_changelist"),
            "permission": _commands,
        },
        _item("Groups", "group", "auth.group"),
        collapsible=True,
    ),
    _group(
        "Machine room",
        _item("Heartbeats", "monitor_heart", "core.heartbeat"),
        _item("Leases", "key", "core.lease"),
        _item("Venue settings", "tune", "accounts.venuesetting"),
        _item("Work items", "checklist", "signals.workitem"),
        _item("Targets", "flag", "signals.strategytarget"),
        _item("Order steps", "stairs", "signals.orderstep"),
        _item("Venue answers", "forum", "signals.orderanswer"),
        _item("Reconciliation cursors", "bookmarks", "signals.reconciliationcursor"),
        _item("Expiry warnings", "event_busy", "signals.expirywarning"),
        _item("Watch rounds", "visibility", "signals.watchround"),
        _item("Duplicate keys", "content_copy", "signals.dedupkey"),
        _item("Kill switch rows", "toggle_on", "signals.riskscope"),
        _item("Failed tasks", "error", "django_q.failure"),
        _item("Schedules", "schedule", "django_q.schedule"),
        _item("Breakers", "electrical_services", "relay.endpointstate"),
        _item("Uptime by hour", "timelapse", "relay.uptimehour"),
        _item("Daily prices", "show_chart", "signals.bar"),
        _item("Trading days", "event", "signals.marketday"),
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
