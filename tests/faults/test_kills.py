"""kill -9 of what works, in the middle of 200 signals: nothing is lost, nothing is done twice, the portal heals."""

import json
import os
import secrets
import signal
import sys

import pytest

from tests.fakes.receivers import Server
from tests.faults.portal import portal
from tests.processes import wait_until

pytestmark = [
    pytest.mark.processes,
    pytest.mark.timeout(300),
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc"),
]
SYMBOLS = ("BTCUSDT", "ETHUSDT", "SOLUSDT", "XRPUSDT")
SIGNALS = 200
CONFIGURATION = """
sources:
  - {{slug: quant, auth: token, secret: {{env: TEST_TOKEN}}, allowed_ips: [], rate_limit: 0}}
accounts:
  - {{slug: paper-1, broker: paper, market: spot, balances: {{USDT: "1000000"}}, prices: message}}
  - {{slug: paper-2, broker: paper, market: spot, balances: {{USDT: "1000000"}}, prices: message}}
endpoints:
  - {{slug: vps-1, url: "{first}", secret: {{env: TEST_SECRET}}, receives: [signals]}}
  - {{slug: vps-2, url: "{second}", secret: {{env: TEST_SECRET}}, receives: [signals]}}
strategies:
  - slug: steady
    sources: [quant]
    mode: live
    symbols: {{BTCUSDT: BTC/USDT, ETHUSDT: ETH/USDT, SOLUSDT: SOL/USDT, XRPUSDT: XRP/USDT}}
    sizing: {{mode: fixed_quantity, value: "0.01"}}
    max_age_seconds: 600 # a slow machine is not this test's point
    max_price_age_seconds: 600
    pyramiding: 1000
    accounts: [paper-1, paper-2]
    endpoints: [vps-1, vps-2]
private_networks: [127.0.0.0/8]
"""
COUNTS = """
import json
from collections import Counter
from relay.models import Delivery, Message
from tradeops.core import money
from signals.models import Decision, Order, PaperOrder, Position, Signal
print(json.dumps({
    "signals": Counter(Signal.objects.values_list("status", flat=True)),
    "relays": Counter(Signal.objects.values_list("relay", flat=True)),
    "decisions": Counter(Decision.objects.values_list("outcome", flat=True)),
    "refusals": Counter(Decision.objects.filter(outcome="REJECTED").values_list("reason", flat=True)),
    "orders": Counter(Order.objects.values_list("status", flat=True)),
    "paper orders": PaperOrder.objects.count(),
    "client ids": len(set(PaperOrder.objects.values_list("client_order_id", flat=True))),
    "deliveries": Counter(Delivery.objects.values_list("status", flat=True)),
    "held": money.plain(sum(Position.objects.values_list("quantity", flat=True))),
    "restarted": sorted(m.body["process"] for m in Message.objects.filter(event="process.restarted")),
}))
"""
TRADE, RELAY = "cluster --queue trade", "relay_sender"
# What is killed, how it is found, and the program that is started afresh because of it.
VICTIMS = (
    ("the trade cluster", lambda running: running.pid(TRADE), TRADE),
    ("an idle worker", lambda running: running.cluster_process("idle"), TRADE),
    ("the monitor", lambda running: running.cluster_process("monitor"), TRADE),
    ("the relay sender", lambda running: running.pid(RELAY), RELAY),
)


def test_nothing_is_lost_or_doubled_when_processes_are_killed(tmp_path):
    token = secrets.token_urlsafe(24)
    with (
        Server() as first,
        Server() as second,
        portal(tmp_path, TEST_TOKEN=token, TEST_SECRET=secrets.token_urlsafe(24)) as running,
    ):
        file = tmp_path / "configuration.yaml"
        file.write_text(CONFIGURATION.format(first=first.url, second=second.url))
        running.installation.manage("apply_config", str(file))
        running.start()

        accepted = _send_while_killing(running, token)
        assert len(set(accepted)) == SIGNALS

        done = wait_until(lambda: _settled(running), seconds=180, what="the end of all work")
        assert done == {
            "signals": {"APPROVED": SIGNALS},
            "relays": {"DELIVERED": SIGNALS},
            "decisions": {"APPROVED": 4 * SIGNALS},
            "refusals": {},
            "orders": {"FILLED": 2 * SIGNALS},
            "paper orders": 2 * SIGNALS,
            "client ids": 2 * SIGNALS,
            "deliveries": {"DELIVERED": 2 * SIGNALS},
            "held": "4",
            "restarted": ["relay", "trade", "trade", "trade"],
        }
        for receiver in (first, second):
            assert set(receiver.ids()) == set(accepted)

        assert wait_until(lambda: running.get("/health/ready"))[0] == 200
        for command in ("dispatcher", "cluster --queue trade", "cluster --queue slow", "relay_sender"):
            assert running.pid(command), command
        assert running.stop() == 0


def _send_while_killing(running, token):
    """Each victim is killed in the middle of its share of the signals. Returns the accepted ones' ids."""
    accepted = []
    share = SIGNALS // len(VICTIMS)
    for name, find, program in VICTIMS:
        for number in range(share):
            if number == share // 2:
                before = _kill(running, name, find, program)
            accepted.append(_send(running, token, number=len(accepted)))
        _wait_for_another(running, program, before)
    return accepted


def _kill(running, name, find, program):
    """Returns the pid of the program that has to be replaced."""
    # On a slow machine the workers are at it for a while before one is idle.
    victim = wait_until(lambda: find(running), seconds=60, what=name)
    before = running.pid(program)
    os.kill(victim, signal.SIGKILL)
    return before


def _wait_for_another(running, program, before):
    wait_until(lambda: running.pid(program) not in (None, before), seconds=30, what=f"another {program}")


def _send(running, token, *, number):
    """As a sender does: an answer of 503 says that nothing was stored, so it sends again."""
    symbol = SYMBOLS[number % len(SYMBOLS)]
    body = {"token": token, "id": f"kill-{number}", "symbol": symbol, "action": "buy", "price": "100"}
    status, answer = wait_until(lambda: _unless_unavailable(running.post("/webhook/quant", body)), seconds=30)
    assert status == 201, answer
    return answer["signal_id"]


def _unless_unavailable(response):
    return None if response[0] == 503 else response


def _settled(running):
    """The counts, once no row is on its way any more."""
    counts = json.loads(running.installation.python(COUNTS))
    ended = (
        counts["signals"].keys() <= {"APPROVED", "REJECTED", "PARTIAL", "EXPIRED", "FAILED"},
        counts["orders"].keys() <= {"FILLED", "REJECTED", "CANCELED", "EXPIRED"},
        counts["deliveries"].keys() <= {"DELIVERED", "DEAD"},
        counts["relays"].keys() <= {"DELIVERED", "PARTIAL", "FAILED", "NONE"},
    )
    return counts if all(ended) else None
