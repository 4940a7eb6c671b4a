"""Which work each cluster does, and what the dispatcher does beside it: the only lists of both."""

from relay.notify import alarms, sender
from signals.pipeline import work
from signals.watch import rounds
from tradeops import deadman
from tradeops.supervisor.chores import Chore
from tradeops.supervisor.dispatcher import Queue

QUEUES = (
    Queue(name="trade", waiting=work.waiting, overdue=work.overdue, task="signals.tasks.drain", slots=2),
    Queue(name="slow", waiting=sender.waiting, task="relay.tasks.notify", slots=1, look_every=0.1),
)
CHORES = (
    Chore(name="watch", work=rounds.look, every_seconds=rounds.EVERY_SECONDS),
    Chore(name="alarms", work=alarms.remind, every_seconds=alarms.EVERY_SECONDS),
    Chore(name="deadman", work=deadman.man.look, every_seconds=deadman.EVERY_SECONDS),
)
