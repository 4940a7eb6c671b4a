"""Which work each cluster does, and what the dispatcher does beside it: the only lists of both."""

from relay.notify import alarms, sender
from signals.operator.telegram import door
from signals.pipeline import approvals, work
from signals.tending import rounds as tending
from signals.tending import start
from signals.watch import rounds
from tradeops import deadman
from tradeops.supervisor.chores import Chore
from tradeops.supervisor.dispatcher import Queue

QUEUES = (
    Queue(name="trade", waiting=work.waiting, overdue=work.overdue, task="signals.tasks.drain", slots=2),
    Queue(name="trade", waiting=tending.waiting, task="signals.tasks.tend", slots=1, look_every=tending.LOOK_SECONDS),
    Queue(name="slow", waiting=sender.waiting, task="relay.tasks.notify", slots=1, look_every=0.1),
)
# Queues whose tasks come from web processes.
OTHERS = (door.QUEUE,) if door.is_open() else ()
# What else a cluster loads before its workers are forked.
LOADED = {door.QUEUE: ("signals.operator.telegram.webhook.say",)}
CHORES = (
    Chore(name="first comparison", work=start.look, every_seconds=start.EVERY_SECONDS),
    Chore(name="watch", work=rounds.look, every_seconds=rounds.EVERY_SECONDS),
    Chore(name="approvals", work=approvals.expire, every_seconds=1.0),
    Chore(name="alarms", work=alarms.remind, every_seconds=alarms.EVERY_SECONDS),
    Chore(name="deadman", work=deadman.man.look, every_seconds=deadman.EVERY_SECONDS),
)
