import signal
from typing import Any

from django.core.management.base import BaseCommand

from tradeops import dispatch
from tradeops.supervisor import dispatcher


class Command(BaseCommand):
    help = "Hands waiting work to the clusters until SIGTERM. Example: manage.py dispatcher"

    def handle(self, *args: Any, **options: Any) -> None:
        stops: list[int] = []
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda number, _frame: stops.append(number))
        dispatcher.run(
            queues=dispatch.QUEUES, others=dispatch.OTHERS, chores=dispatch.CHORES, stopped=lambda: bool(stops)
        )
