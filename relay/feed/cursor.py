"""Events in the order of their ids, from wherever a reader stopped: each once, none left out (E1, E5)."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import Min, QuerySet

from relay.models import Message
from tradeops.core.errors import TradeOpsError
from tradeops.core.settled import Settled

# How many ids one look goes through: whoever may see few of them does not make the database read all of them.
WINDOW = 20_000

settled = Settled(Message)


class Gone(TradeOpsError):
    """Events after the reader's place are no longer kept, or never were here: it may have missed some."""

    code = "events_gone"
    http_status = 410


@dataclass(frozen=True)
class Page:
    """`cursor` is where to go on; `more` says whether there is something to look at already."""

    messages: tuple[Message, ...]
    cursor: int
    more: bool


def after(messages: QuerySet[Message], *, after: int, upto: int | None, limit: int) -> Page:
    """The next of `messages`, at most `limit`, oldest first; `upto` is what `settled` said. 0 is the oldest kept.

    Raises Gone where the place is older than what is kept, or has never been reached (a backup was restored).
    """
    if upto is None or upto <= after:
        if upto is not None and after > upto and after > settled.last_drawn():
            raise Gone(f"There was no event {after} yet: the portal's data may have been restored from a backup.")
        return Page((), after, False)
    oldest = Message.objects.aggregate(oldest=Min("pk"))["oldest"] or after + 1
    if after and oldest > after + 1:
        raise Gone(f"Events from {after + 1} to {oldest - 1} are not kept any more: start again at 0 or at the newest.")
    start = max(after, oldest - 1)
    end = min(upto, start + WINDOW)
    found = tuple(messages.filter(pk__gt=start, pk__lte=end).order_by("pk")[:limit])
    cursor = found[-1].pk if len(found) == limit else end
    return Page(found, cursor, cursor < upto)
