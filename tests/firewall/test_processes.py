"""A rule and a ban made in one process are in effect in another, which never asked for them."""

from __future__ import annotations

import json

import pytest

from tests.installation import installation
from tests.processes import wait_until

pytestmark = [pytest.mark.processes, pytest.mark.timeout(300)]

# As a web process has it: the keeper refreshes the configuration, and the request itself asks no database.
WATCHER = """
import sys, time, django
django.setup()
from django.db import connection
from accounts import firewall
from tradeops.core import clock, configuration, network
from tradeops.core.errors import TradeOpsError
configuration.keep()
address, said = network.parse({address!r}), None
while True:
    try:
        firewall.check(address=address, country=str, now=clock.now())
        verdict = "in"
    except TradeOpsError as error:
        verdict = error.code if error.http_status == 429 else str(error)
    if verdict != said:
        print(verdict, time.time(), flush=True)
        said = verdict
    time.sleep(0.005)
"""

BAN = """
import time, django
django.setup()
from accounts import firewall
from accounts.firewall import bans
from accounts.models import FirewallBan
from tradeops.core import clock, network
for _ in range(30):
    firewall.charge(address=network.parse({address!r}), reason="wrong webhook secret", now=clock.now())
print(time.time(), flush=True)
while not FirewallBan.objects.exists():  # the process's own thread writes it
    time.sleep(0.01)
"""


@pytest.fixture(scope="module")
def portal(tmp_path_factory):
    with installation(tmp_path_factory.mktemp("firewall")) as made:
        yield made


class Watcher:
    def __init__(self, portal, address: str, log) -> None:
        self.log = log
        with log.open("w") as output:
            self.process = portal.popen("-c", WATCHER.format(address=address), stdout=output)

    def verdicts(self) -> list[str]:
        return [line.split()[0] for line in self.log.read_text().splitlines()]

    def at(self, number: int) -> float:
        return float(self.log.read_text().splitlines()[number].split()[1])

    def waits_for(self, *expected: str) -> None:
        wait_until(lambda: self.verdicts() == list(expected), what=f"{expected} in the other process")


@pytest.fixture
def watch(portal, tmp_path):
    started = []

    def make(address: str) -> Watcher:
        watcher = Watcher(portal, address, tmp_path / "verdicts")
        started.append(watcher)
        watcher.waits_for("in")
        return watcher

    yield make
    for watcher in started:
        watcher.process.kill()
        watcher.process.wait()


def test_a_rule_of_another_process_is_in_effect_and_out_of_effect(portal, watch):
    watcher = watch("203.0.113.9")
    portal.manage("firewall", "deny", "203.0.113.0/24")
    watcher.waits_for("in", "firewall_network")
    portal.manage("firewall", "remove", "203.0.113.0/24")
    watcher.waits_for("in", "firewall_network", "in")


def test_a_ban_of_another_process_is_written_by_its_thread_and_in_effect(portal, watch):
    watcher = watch("198.51.100.9")
    begun = float(portal.python(BAN.format(address="198.51.100.9")).split()[-1])
    watcher.waits_for("in", "banned")
    print(f"from the 30th failure to the effect in another process: {(watcher.at(1) - begun) * 1000:.0f} ms")
    [ban] = json.loads(portal.manage("firewall", "list", "--json"))["bans"]
    assert (ban["network"], ban["strikes"]) == ("198.51.100.9", 1)
    assert "Lifted" in portal.manage("firewall", "lift", "198.51.100.9")
    watcher.waits_for("in", "banned", "in")
