"""`manage.py kill_switch on|off|status`: stops every new entry, or lets them pass again (D5)."""

from __future__ import annotations

import getpass
import json
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from signals.risk import switch
from tradeops.core import clock
from tradeops.core.errors import Refused


class Command(BaseCommand):
    help = (
        "Stops every new entry (on), lets them pass again (off), or tells what is on (status).\n"
        "Exits always pass. It is in effect for every order that is sent after this command returns.\n\n"
        'Example: manage.py kill_switch on --strategy trend --reason "news at 14:30"'
    )

    def create_parser(self, *args: Any, **kwargs: Any) -> Any:
        return super().create_parser(*args, formatter_class=RawDescriptionHelpFormatter, **kwargs)

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("state", choices=["on", "off", "status"])
        scope = parser.add_mutually_exclusive_group()
        scope.add_argument("--strategy", metavar="SLUG", help="only this strategy")
        scope.add_argument("--account", metavar="SLUG", help="only this account")
        parser.add_argument("--reason", default="", help="kept with the switch and told to people")
        parser.add_argument("--json", action="store_true", help="for programs")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["state"] != "status":
            self._turn(options)
        states = [
            {"scope": row.scope, "key": row.key, "on": row.kill_switch, "reason": row.reason, "by": row.changed_by}
            for row in switch.states()
        ]
        if options["json"]:
            self.stdout.write(json.dumps(states, indent=2))
            return
        for state in states:
            word = self.style.ERROR("ON ") if state["on"] else "off"
            where = f"{state['scope']} {state['key']}".strip()
            self.stdout.write(f"{word} {where:30} by {state['by']}  {state['reason']}".rstrip())
        if not any(state["on"] for state in states):
            self.stdout.write("No kill switch is on: entries pass.")

    def _turn(self, options: dict[str, Any]) -> None:
        scope = "strategy" if options["strategy"] else "account" if options["account"] else "global"
        try:
            changed = switch.set(
                scope=scope,
                key=options["strategy"] or options["account"] or "",
                on=options["state"] == "on",
                reason=options["reason"],
                by=f"{getpass.getuser()} (command line)",
                now=clock.now(),
            )
        except Refused as error:
            raise CommandError(str(error), returncode=2) from None
        if not changed and not options["json"]:
            self.stdout.write(f"It was {options['state']} already; nothing changed.")
