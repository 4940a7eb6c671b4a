"""The only list of who listens to what. Listeners run in the publisher's transaction, in this order."""

from __future__ import annotations

from tradeops.core import events


def connect() -> None:
    from accounts.firewall import concerns
    from relay import outbox
    from signals.execution import booking
    from signals.exits import follow
    from signals.intake import expected
    from signals.pipeline import outcome
    from signals.risk import maintenance

    outbox.mute(maintenance.mutes)
    recorded = events.Together(outbox.record_many)
    # What people and frontends may learn of is recorded. Each successful delivery is not: its own row tells.
    for pattern in (
        "signal.*", "order.*", "source.*", "endpoint.*", "kill_switch.*", "process.*",
        "firewall.*", "heartbeat.*", "strategy.*", "watch.*", "execution.*",
        "delivery.dead", "delivery.replayed", "channel.*", "alarm.*", "account.*", "reconciliation.*", "analysis.*",
        "approval.*", "maintenance.*",
        "operator.*", "telegram.*", "position.*",
    ):  # fmt: skip
        events.subscribe(pattern, recorded)

    events.subscribe("delivery.*", events.Together(outcome.on_deliveries_settled))

    concerns.connect(expected.senders, expected.in_good_standing)
    booking.subscribe(follow.follow)
