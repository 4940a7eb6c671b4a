"""What a trace means, in the words of one sentence: is it over, is it well, why did it (not) trade?

All three read the document that `signals.trace.of` gives and nothing else.
"""

from __future__ import annotations

from typing import Any

Trace = dict[str, Any]

_UNDECIDED = ("RECEIVED", "PROCESSING")
_WORKING = ("PENDING", "SUBMITTED", "OPEN", "PARTIALLY_FILLED", "UNKNOWN")


def settled(trace: Trace) -> bool:
    """Nothing of it will happen any more: decided, every order final, all told or given up."""
    return (
        decided(trace)
        and trace["signal"]["relay"] != "PENDING"
        and not any(order["status"] in _WORKING for order in trace["orders"])
        and not any(delivery["status"] in ("PENDING", "RETRYING") for delivery in trace["deliveries"])
        and not any(notification["status"] == "PENDING" for notification in trace["notifications"])
    )


def decided(trace: Trace) -> bool:
    return trace["signal"]["status"] not in _UNDECIDED


def problems(trace: Trace) -> list[str]:
    """One sentence for each thing that did not go well; empty for a signal that did all it was meant to."""
    signal = trace["signal"]
    found = []
    if signal["status"] in _UNDECIDED:
        found.append("The signal is not decided yet: is the cluster running?")
    elif signal["status"] != "APPROVED":
        found.append(_why(trace))
    found += [
        f"Order on {order['account']} is {order['status']}{_because(order['message'])}."
        for order in trace["orders"]
        if not _went_well(order)
    ]
    found += [
        f"Delivery to {delivery['endpoint']} is {delivery['status']}{_because(_last_error(delivery))}."
        for delivery in trace["deliveries"]
        if delivery["status"] != "DELIVERED"
    ]
    found += [
        f"Notification to {notification['channel']} is {notification['status']}{_because(notification['error'])}."
        for notification in trace["notifications"]
        if notification["status"] != "SENT"
    ]
    return found + _refused_by_bridges(trace)


def why(trace: Trace) -> str:
    """Why it did, or did not, trade."""
    return " ".join([_why(trace), *_refused_by_bridges(trace)])


def _refused_by_bridges(trace: Trace) -> list[str]:
    """What was relayed, and was not traded there."""
    return [
        f"{report['endpoint']} reports it {report['status']}{_because(report['message'] or report['code'])}."
        for report in trace["executions"]
        if report["status"] in ("rejected", "canceled") and report["client_order_id"] is None
    ]


def _why(trace: Trace) -> str:
    signal = trace["signal"]
    if signal["status"] in _UNDECIDED:
        return "It has not been decided yet."
    accounts = [decision for decision in trace["decisions"] if decision["account"] and not decision["shadow"]]
    approved = [decision for decision in accounts if decision["outcome"] == "APPROVED"]
    if approved:
        return " ".join([_traded(trace["orders"], approved), *_rejections(accounts)])
    counted = [decision for decision in trace["decisions"] if not decision["shadow"]]
    said = _rejections(counted)
    if not said and any(decision["outcome"] == "APPROVED" for decision in counted):
        return "It did not trade: no account is attached to its strategy; it was only relayed."
    return (
        " ".join(["It did not trade.", *said]) if said else f"It did not trade: {signal['note'] or signal['status']}."
    )


def _traded(orders: list[dict[str, Any]], approved: list[dict[str, Any]]) -> str:
    if not orders:
        reasons = sorted({decision["reason"] for decision in approved if decision["reason"]})
        return f"It was approved, and there was nothing to trade{_because('; '.join(reasons))}."
    if all(order["mode"] == "dry_run" for order in orders):
        return f"It would have traded on {_accounts(orders)}: dry run, nothing was sent."
    filled = [order for order in orders if order["status"] == "FILLED"]
    others = [order for order in orders if order["status"] != "FILLED" and order["mode"] != "dry_run"]
    said = []
    if filled:
        first = filled[0]
        said.append(
            f"It traded: {first['side']} {first['symbol']} filled on {_accounts(filled)}"
            + (f" at {first['average_price']}." if first["average_price"] else ".")
        )
    for order in others:
        said.append(f"The order on {order['account']} is {order['status']}{_because(order['message'])}.")
    return " ".join(said)


def _rejections(decisions: list[dict[str, Any]]) -> list[str]:
    """One sentence for each reason, with all those that it stopped."""
    stopped: dict[str, list[str]] = {}
    for decision in decisions:
        if decision["outcome"] == "REJECTED":
            stopped.setdefault(_reason(decision), []).append(decision["account"] or decision["endpoint"] or "")
    return [_sentence(", ".join(name for name in names if name), reason) for reason, names in stopped.items()]


def _sentence(names: str, reason: str) -> str:
    return (f"{names}: {reason}" if names else reason[:1].upper() + reason[1:]).rstrip(".") + "."


def _reason(decision: dict[str, Any]) -> str:
    if decision["reason"]:
        return str(decision["reason"])
    failed = [rule for rule in decision["rules"] if rule["verdict"] != "PASS"]
    return "; ".join(f"{rule['rule']} saw {rule['value']}, limit {rule['limit']}" for rule in failed) or "rejected"


def _went_well(order: dict[str, Any]) -> bool:
    return order["status"] == "FILLED" or (order["mode"] == "dry_run" and order["status"] == "CANCELED")


def _last_error(delivery: dict[str, Any]) -> str:
    if delivery["reason"]:
        return str(delivery["reason"])
    last = delivery["attempts"][-1] if delivery["attempts"] else {}
    return str(last.get("error") or (f"HTTP {last['status_code']}" if last.get("status_code") else ""))


def _accounts(orders: list[dict[str, Any]]) -> str:
    names = list(dict.fromkeys(order["account"] for order in orders))
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _because(text: str) -> str:
    return f": {text.rstrip('.')}" if text else ""
