"""Status words of every ledger, and the colour that says how to feel about them (unfold's names)."""

from __future__ import annotations

COLOURS = {
    **dict.fromkeys(
        (
            *("APPROVED", "FILLED", "DELIVERED", "SENT", "PASS", "live", "done", "LONG", "long", "filled", "applied"),
            *("buy", "pass", "ACTIVE"),
        ),
        "success",
    ),
    **dict.fromkeys(
        (
            *("RECEIVED", "PROCESSING", "PENDING", "GROUPED", "SUBMITTED", "OPEN"),
            *("waiting", "paper", "info", "open", "kept", "WAITING", "RUNNING"),
        ),
        "info",
    ),
    **dict.fromkeys(
        (
            "PARTIAL",
            "PARTIALLY_FILLED",
            "RETRYING",
            "UNKNOWN",
            "EXPIRED",
            "dry_run",
            "warning",
            "CANCELED",
            "short",
            "canceled",
            "partially_filled",
            "MISSED",
        ),
        "warning",
    ),
    **dict.fromkeys(
        (
            *("REJECTED", "FAILED", "DEAD", "FAIL", "ERROR", "error", "critical", "failed", "rejected"),
            *("SELL", "SELL STRONG", "sell", "veto", "UNPROTECTED"),
        ),
        "danger",
    ),
}
