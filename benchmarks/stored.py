"""What the portal stored of each signal, in its own environment: `python -m benchmarks.stored` prints JSON.

{public id: {"received_at", "filled_at": [one an order], "delivered_at": [one a delivery]}}, in seconds since the epoch.
"""

from __future__ import annotations

import json
from typing import Any

import django


def main() -> None:
    django.setup()
    from relay.models import Delivery
    from signals.models import Order, Signal

    found: dict[str, dict[str, Any]] = {
        signal.public_id: {"received_at": signal.received_at.timestamp(), "filled_at": [], "delivered_at": []}
        for signal in Signal.objects.only("public_id", "received_at")
    }
    for order in Order.objects.filter(status=Order.Status.FILLED).select_related("signal"):
        # When the fill was booked, which is later than the fill itself.
        found[order.signal.public_id]["filled_at"].append(order.finished_at.timestamp())
    for delivery in Delivery.objects.filter(status=Delivery.Status.DELIVERED):
        found[delivery.subject]["delivered_at"].append(delivery.delivered_at.timestamp())
    print(json.dumps(found))


if __name__ == "__main__":
    main()
