"""Which work each cluster does: the only list of the queues."""

from relay.notify import sender
from signals.pipeline import work
from tradeops.supervisor.dispatcher import Queue

QUEUES = (
    Queue(name="trade", waiting=work.waiting, task="signals.tasks.drain", slots=2),
    Queue(name="slow", waiting=sender.waiting, task="relay.tasks.notify", slots=1),
)
