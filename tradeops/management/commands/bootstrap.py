from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from tradeops import bootstrap


class Command(BaseCommand):
    help = "Sets the portal up; does nothing where that is done already. Example: manage.py bootstrap"

    def handle(self, *args: Any, **options: Any) -> None:
        bootstrap.run(settings.ENV, say=self.stdout.write)
