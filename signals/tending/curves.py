"""The equity curve of every account that trades, whether a limit is measured against it or not.

Accounts under such a limit are valued each 30 s (`risk.losses`); all others as often as the curve has points, on the
queue `slow`, so that no decision and no exit waits for it, and without asking a venue or a price source elsewhere: a
venue's account is worth what its last look gave, paper books go by the last marks of what is held.
"""

from __future__ import annotations

from datetime import datetime

from django_q.models import Schedule

from accounts.models import Account
from signals.models import AccountEquity
from signals.portfolio import equity
from signals.risk import losses
from tradeops.core import logs

logger = logs.get(__name__)
TICK = "equity curves"


def run(*, now: datetime) -> int:
    """Values those whose last reading is as old as a point; returns how many. To be called outside of transactions.

    Two at once do no harm: a reading that is not newer changes nothing.
    """
    known = dict(AccountEquity.objects.values_list("account", "at"))
    limited = losses.limited()
    valued = 0
    for account in Account.objects.filter(active=True, retired_at=None).order_by("pk"):
        at = known.get(account.pk)
        if account.pk in limited or (at is not None and now - at < equity.POINT_EVERY):
            continue
        try:
            equity.refresh(account, now=now, network=False)
        except Exception:
            logger.exception("an account could not be valued; it is tried again", account=account.slug)
        else:
            valued += 1
    return valued


def schedule() -> bool:
    """Puts it on django-q2's list, each minute; returns whether it was missing."""
    _, made = Schedule.objects.get_or_create(
        name=TICK,
        defaults={
            "func": "signals.tasks.draw_curves",
            "schedule_type": Schedule.MINUTES,
            "minutes": 1,
            "cluster": "slow",
        },
    )
    return made
