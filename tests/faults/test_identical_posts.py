"""Copies of alerts at once, over the real web processes: one signal each, one order on each account."""

import json
import secrets
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest

from benchmarks.faults import identical
from tests.faults.portal import portal
from tests.installation import redis_url
from tests.processes import wait_until

pytestmark = [
    pytest.mark.processes,
    pytest.mark.timeout(180),
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc"),
]
POSTS, AT_ONCE = 200, 40
CONFIGURATION = """
sources:
  - {slug: quant, auth: token, secret: {env: TEST_TOKEN}, allowed_ips: [], rate_limit: 0}
accounts:
  - {slug: paper-1, broker: paper, market: spot, balances: {USDT: "1000000"}, prices: message}
  - {slug: paper-2, broker: paper, market: spot, balances: {USDT: "1000000"}, prices: message}
strategies:
  - slug: steady
    sources: [quant]
    mode: live
    symbols: {BTCUSDT: BTC/USDT}
    sizing: {mode: fixed_quantity, value: "0.01"}
    pyramiding: 1000
    accounts: [paper-1, paper-2]
"""
COUNTS = """
import json
from signals.models import Order, PaperOrder, Signal
print(json.dumps({
    "signals": Signal.objects.count(),
    "repeats": sum(Signal.objects.values_list("repeats", flat=True)),
    "orders": list(Order.objects.order_by("account__slug").values_list("account__slug", "status")),
    "paper orders": PaperOrder.objects.count(),
}))
"""


def test_one_signal_and_one_order_on_each_account(tmp_path):
    token = secrets.token_urlsafe(24)
    with portal(tmp_path, TEST_TOKEN=token, TRADEOPS_WEB_WORKERS="2") as running:
        file = tmp_path / "configuration.yaml"
        file.write_text(CONFIGURATION)
        running.installation.manage("apply_config", str(file))
        running.start()

        alert = {"token": token, "symbol": "BTCUSDT", "action": "buy", "price": "100"}
        with ThreadPoolExecutor(AT_ONCE) as threads:
            answers = list(threads.map(lambda _: running.post("/webhook/quant", alert), range(POSTS)))
        assert Counter(status for status, _ in answers) == {201: 1, 200: POSTS - 1}
        assert len({body["signal_id"] for _, body in answers}) == 1

        def settled():
            counts = json.loads(running.installation.python(COUNTS))
            return counts if [status for _, status in counts["orders"]] == ["FILLED"] * 2 else None

        assert wait_until(settled, seconds=60, what="two filled orders") == {
            "signals": 1,
            "repeats": POSTS - 1,
            "orders": [["paper-1", "FILLED"], ["paper-2", "FILLED"]],
            "paper orders": 2,
        }


def test_500_signals_each_posted_four_times_at_once_are_500_signals(tmp_path):
    result = identical.measure(tmp_path, signals=500, variables={"REDIS_URL": redis_url()})
    assert result.load["answers"] == {201: 500, 200: 1500}
    assert (result.load["broken"], result.load["unanswered"]) == (0, 0)
    # Of each message's four answers one is a 201, the others 200 with the same id, and no two messages share one.
    assert (result.load["odd"], result.load["signals"]) == (0, 500)
    assert (result.stored, result.repeats) == (500, 1500)
