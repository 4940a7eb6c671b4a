import sys
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from tradeops.core.errors import TradeOpsError
from tradeops.supervisor import portal


class Command(BaseCommand):
    help = "Runs the whole portal on this host until Ctrl-C or SIGTERM. Example: PORT=8080 manage.py portal --no-demo"

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--no-demo", action="store_true", help="without the demo's receivers")

    def handle(self, *args: Any, no_demo: bool, **options: Any) -> None:
        try:
            portal.run(settings.ENV, demo=settings.ENV.demo and not no_demo, stream=sys.stdout)
        except TradeOpsError as error:
            raise CommandError(str(error)) from error
