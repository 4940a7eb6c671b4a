"""How each delivery ended, in the portal's own environment: `python -m benchmarks.relay.fates` prints JSON.

[{"endpoint": slug, "signal": public id, "end": DELIVERED, PENDING, RETRYING, or `DEAD: reason` without its numbers}]
"""

from __future__ import annotations

import json
import re

import django


def main() -> None:
    django.setup()
    from relay.models import Delivery

    rows = Delivery.objects.order_by("id").values_list("endpoint__slug", "subject", "status", "reason")
    print(
        json.dumps(
            [
                {"endpoint": endpoint, "signal": subject, "end": _end(status, reason)}
                for endpoint, subject, status, reason in rows.iterator()
            ]
        )
    )


def _end(status: str, reason: str) -> str:
    if status != "DEAD" or not reason:
        return status
    return "DEAD: " + re.sub(r"\d[\d.:T+-]*", "…", reason)


if __name__ == "__main__":
    main()
