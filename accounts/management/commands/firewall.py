"""`manage.py firewall`: who may come in (E6). Also the way back in for an operator who is locked out."""

from __future__ import annotations

import getpass
import json
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts.firewall import selectors, services
from accounts.models import FirewallRule
from tradeops.core import clock
from tradeops.core.errors import TradeOpsError


class Command(BaseCommand):
    help = (
        "Shows the firewall (list), lets a network or country in (allow), keeps it out (deny), takes a rule away\n"
        "(remove), or ends temporary bans (lift). In effect on every process within a second.\n\n"
        'Example: manage.py firewall allow 203.0.113.7 --note "the office" --hours 8'
    )

    def create_parser(self, *args: Any, **kwargs: Any) -> Any:
        return super().create_parser(*args, formatter_class=RawDescriptionHelpFormatter, **kwargs)

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("do", choices=["list", "allow", "deny", "remove", "lift"])
        parser.add_argument("target", nargs="?", default="", help="203.0.113.7, 203.0.113.0/24, 2001:db8::/48, or DE")
        parser.add_argument("--note", default="", help="why, for whoever finds the rule in a year")
        parser.add_argument("--hours", type=float, help="how long the rule holds; left out: for good")
        parser.add_argument("--json", action="store_true", help="for programs; with list")

    def handle(self, *args: Any, **options: Any) -> None:
        do, target = options["do"], options["target"]
        if do == "list":
            self._list(as_json=options["json"])
            return
        if not target:
            raise CommandError(f"{do} whom? Give an address, a network or a country", returncode=2)
        try:
            said = self._done(do, target, options)
        except TradeOpsError as error:
            raise CommandError(str(error), returncode=2) from None
        self.stdout.write(said)
        for sentence in services.warnings(now=clock.now()):
            self.stderr.write(self.style.WARNING(sentence))

    def _done(self, do: str, target: str, options: dict[str, Any]) -> str:
        asker, now = services.Asker(name=f"{getpass.getuser()} (command line)"), clock.now()
        if do == "lift":
            lifted = services.lift_network(target, asker=asker, now=now)
            return f"Lifted: {', '.join(lifted)}." if lifted else f"No ban is in force on {target}."
        if do == "remove":
            rule = services.find(target)
            services.delete_rule(rule, asker=asker, now=now)
            return f"Removed: {rule}."
        until = now + timedelta(hours=options["hours"]) if options["hours"] else None
        rule = services.put(target, action=do, note=options["note"], expires_at=until, asker=asker, now=now)
        lifted = services.lift_network(rule.network, asker=asker, now=now) if do == "allow" and rule.network else []
        return f"{rule}{f' until {until:%Y-%m-%d %H:%M} UTC' if until else ''}." + (
            " Its ban is lifted." if lifted else ""
        )

    def _list(self, *, as_json: bool) -> None:
        now, settings = clock.now(), selectors.settings()
        rules, bans = list(selectors.rules()), list(selectors.bans_in_force(now=now)[:1000])
        if as_json:
            self.stdout.write(json.dumps(_state(settings.default, rules, bans), indent=2))
            return
        for rule in rules:
            word = (
                self.style.SUCCESS("allow") if rule.action == FirewallRule.Action.ALLOW else self.style.ERROR("deny ")
            )
            until = f"until {rule.expires_at:%Y-%m-%d %H:%M} UTC" if rule.expires_at else ""
            over = " (over)" if rule.expires_at and rule.expires_at <= now else ""
            self.stdout.write(f"{word} {rule.target:43} {until}{over} {rule.note}".rstrip())
        for ban in bans:
            self.stdout.write(
                f"{self.style.WARNING('ban  ')} {ban.network:43} until {ban.until:%Y-%m-%d %H:%M} UTC {ban.reason}"
            )
        self.stdout.write(f"Whom no rule names: {settings.default}.")


def _state(default: str, rules: list[Any], bans: list[Any]) -> dict[str, Any]:
    return {
        "default": default,
        "rules": [
            {
                "network": rule.network or None,
                "country": rule.country or None,
                "action": rule.action,
                "until": clock.iso_ms(rule.expires_at),
                "note": rule.note,
            }
            for rule in rules
        ],
        "bans": [
            {"network": ban.network, "until": clock.iso_ms(ban.until), "reason": ban.reason, "strikes": ban.strikes}
            for ban in bans
        ],
    }
