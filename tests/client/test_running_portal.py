"""The client beside a running portal that is stopped and started again: every event and every fill, each once."""

from __future__ import annotations

import json
import secrets
import sys
import threading
from decimal import Decimal

import pytest

from tests.client.scripted import PASSWORD
from tests.faults.portal import portal
from tests.processes import wait_until
from tradeops.client import Client

pytestmark = [
    pytest.mark.processes,
    pytest.mark.timeout(300),
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc"),
]
CONFIGURATION = """
sources:
  - {slug: quant, auth: token, secret: {env: TEST_TOKEN}, allowed_ips: [], rate_limit: 0}
accounts:
  - {slug: paper-1, broker: paper, market: spot, balances: {USDT: "1000000"}, fee_bps: "10", prices: message}
strategies:
  - slug: steady
    sources: [quant]
    mode: live
    symbols: {BTCUSDT: BTC/USDT, ETHUSDT: ETH/USDT}
    sizing: {mode: fixed_quantity, value: "0.01"}
    max_age_seconds: 600 # a slow machine is not this test's point
    max_price_age_seconds: 600
    pyramiding: 1000
    accounts: [paper-1]
"""
SIGNALS = 30
PERSON = f"""
from accounts.models import Operator
Operator.objects.create_superuser("quant", password="{PASSWORD}")
"""
BOOKS = """
import json
from relay.models import Message
from signals.models import Fill, Order
print(json.dumps({
    "events": list(Message.objects.order_by("pk").values_list("pk", flat=True)),
    "fills": list(Fill.objects.order_by("pk").values_list("pk", flat=True)),
    "open": Order.objects.exclude(status__in=["FILLED", "REJECTED", "CANCELED", "EXPIRED"]).count(),
}))
"""


class Following:
    """Everything that a generator of the client gives, in a thread."""

    def __init__(self, source) -> None:
        self.found: list = []
        self._source = source
        self._thread = threading.Thread(target=self._follow)
        self._thread.start()

    def _follow(self) -> None:
        for one in self._source:
            self.found.append(one)

    def join(self) -> None:
        self._thread.join(timeout=30)
        assert not self._thread.is_alive()


def test_a_restart_in_the_middle_costs_no_event_and_no_fill(tmp_path):
    token = secrets.token_hex(12)
    with portal(tmp_path, TEST_TOKEN=token) as running:
        file = tmp_path / "configuration.yaml"
        file.write_text(CONFIGURATION)
        running.installation.manage("apply_config", str(file))
        running.installation.python(PERSON)
        running.start()

        def trade(numbers):
            for number in numbers:
                body = {"action": "buy", "symbol": ("BTCUSDT", "ETHUSDT")[number % 2], "price": 1000, "id": str(number)}
                assert running.post(f"/webhook/quant/{token}", body)[0] == 201

        with Client(f"http://127.0.0.1:{running.port}", username="quant", password=PASSWORD) as client:
            start = client.event_cursor()
            copy = client.sync_paper("paper-1")
            events, changes = Following(client.events(after=start, every=0.1)), Following(copy.follow(every=0.1))

            def fills():
                return [fill.id for change in changes.found for fill in change.fills]

            trade(range(SIGNALS // 2))
            wait_until(fills, seconds=60, what="the first fill")
            assert running.stop() == 0
            running.start()
            trade(range(SIGNALS // 2, SIGNALS))
            wait_until(lambda: len(fills()) >= SIGNALS, seconds=90, what="the last fill")
            books = json.loads(running.installation.python(BOOKS))
            wait_until(lambda: events.found and events.found[-1].id >= books["events"][-1], what="the last event")
            wait_until(lambda: not copy.open_orders and len(copy.net) == 2, what="the copy's agreement")
            client.close()
            events.join()
            changes.join()

        assert books["open"] == 0
        seen = [event.id for event in events.found]
        assert seen[: seen.index(books["events"][-1]) + 1] == [one for one in books["events"] if one > start]
        assert sum(event.event == "order.filled" for event in events.found) == SIGNALS
        assert fills() == books["fills"]
        assert len(fills()) == SIGNALS
        half = Decimal("0.01") * SIGNALS / 2
        assert copy.net == {"BTC/USDT": half, "ETH/USDT": half}
        assert {name: one.total for name, one in copy.balances.items()} == {
            "BTC": half, "ETH": half, "USDT": 1_000_000 - 2 * half * 1000 * Decimal("1.001"),
        }  # fmt: skip
