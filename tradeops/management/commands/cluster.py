import os
import sys
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser


class Command(BaseCommand):
    help = "Runs the workers of one queue until SIGTERM. Example: manage.py cluster --queue trade"

    def add_arguments(self, parser: CommandParser) -> None:
        options: dict[str, Any] = settings.Q_CLUSTER
        names = [options["cluster_name"], *options["ALT_CLUSTERS"]]
        parser.add_argument("--queue", choices=names, default=names[0])

    def handle(self, *args: Any, queue: str, **options: Any) -> None:
        if os.environ.get("Q_CLUSTER_NAME") != queue:
            # django-q2 reads its configuration by this name when it is imported, which has happened already.
            os.environ["Q_CLUSTER_NAME"] = queue
            os.execv(sys.executable, [sys.executable, *sys.argv])  # noqa: S606
        if queue != settings.Q_CLUSTER["cluster_name"]:
            os.nice(5)  # what may wait does not take the processor from orders
        from tradeops import dispatch
        from tradeops.supervisor import cluster, dispatcher

        tasks = [found.task for found in dispatch.QUEUES if found.name == queue]
        sys.exit(cluster.run(tasks=[*tasks, *dispatch.LOADED.get(queue, ()), dispatcher.CANARY_TASK]))
