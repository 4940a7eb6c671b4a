"""The real processes together: an answer that waits for an endpoint, the endpoint's report, and a source's silence."""

import hashlib
import hmac
import http.client
import json
import secrets
import sys
from datetime import UTC, datetime

import pytest

from tests.fakes.receivers import Server, answer
from tests.faults.portal import portal
from tests.processes import wait_until

pytestmark = [
    pytest.mark.processes,
    pytest.mark.timeout(300),
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc"),
]
CONFIGURATION = """
sources:
  - {{slug: sync, auth: token, secret: {{env: TEST_TOKEN}}, allowed_ips: [], rate_limit: 0, dedup_seconds: 1}}
endpoints:
  - slug: vps-1
    url: "{url}"
    secret: {{env: TEST_SECRET}}
    report_secret: {{env: TEST_REPORT_SECRET}}
    receives: [signals]
strategies:
  - {{slug: relayed, sources: [sync], mode: live, symbols: {{BTCUSDT: BTC/USDT}}, endpoints: [vps-1],
      sizing: {{mode: fixed_quantity, value: "0.01"}}, max_age_seconds: 600}}
private_networks: [127.0.0.0/8]
"""
WATCH = """
from signals.models import Source
from tradeops.core import configuration
Source.objects.filter(slug="sync").update(respond="delivery", expect_every={seconds})
configuration.changed()
"""
TOLD = """
import json
from relay.models import Message
from signals.models import BridgeReport
print(json.dumps({
    "silence": list(Message.objects.filter(event="source.silent").values_list("title", flat=True)),
    "reports": list(BridgeReport.objects.values_list("status", "result")),
}))
"""


def test_the_answer_waits_the_bridge_reports_and_silence_is_told(tmp_path):
    token, report_secret = secrets.token_urlsafe(24), secrets.token_urlsafe(24)
    with (
        Server() as receiver,
        portal(
            tmp_path, TEST_TOKEN=token, TEST_SECRET=secrets.token_urlsafe(24), TEST_REPORT_SECRET=report_secret
        ) as running,
    ):
        file = tmp_path / "configuration.yaml"
        file.write_text(CONFIGURATION.format(url=receiver.url))
        running.installation.manage("apply_config", str(file))
        running.installation.python(WATCH.format(seconds=3600))
        running.start()

        status, taken = _alert(running, token, id="1")
        assert (status, taken["delivered"], taken["endpoints"], taken["pending"]) == (201, 1, 1, False)
        assert receiver.ids() == [taken["signal_id"]]

        receiver.default = answer(500)
        status, failed = _alert(running, token, id="2")
        assert (status, failed["delivered"], failed["endpoints"]) == (502, 0, 1)
        receiver.default = answer()
        again = wait_until(lambda: _delivered(_alert(running, token, id="2")), seconds=60, what="the retry's delivery")
        assert (again["status"], again["signal_id"]) == ("DUPLICATE", failed["signal_id"])
        assert len(set(receiver.ids())) == 2

        report = {"order": taken["signal_id"], "status": "filled", "fills": [_fill()]}
        assert [_report(running, report_secret, report) for _ in range(2)] == [201, 200]
        assert _report(running, report_secret, {**report, "order": "no-such"}, id="r2") == 404

        running.installation.python(WATCH.format(seconds=2))
        told = wait_until(lambda: _told(running), seconds=60, what="the alarm")
        assert len(told["silence"]) == 1
        assert told["silence"][0].startswith("Source sync has been silent for ")
        assert told["reports"] == [["filled", "kept"]]
        assert running.stop() == 0


def _alert(running, token, **fields):
    return running.post(f"/webhook/sync/{token}", {"symbol": "BTCUSDT", "action": "buy", "price": "50000", **fields})


def _delivered(answered):
    """The body once the stored signal's outcome has changed to the better."""
    status, body = answered
    return body if status == 200 and body["delivered"] == 1 else None


def _fill():
    return {"trade_id": "1", "quantity": "0.01", "price": "50000"}


def _report(running, secret, content, *, id="r1"):
    stamp = datetime.now(UTC).isoformat()
    body = json.dumps({"id": id, "timestamp": stamp, "endpoint": "vps-1", **content}).encode()
    signature = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    connection = http.client.HTTPConnection("127.0.0.1", running.port, timeout=10)
    try:
        connection.request("POST", "/webhook/execution", body, {"X-Webhook-Signature": signature})
        response = connection.getresponse()
        response.read()
        return response.status
    finally:
        connection.close()


def _told(running):
    """None before the alarm."""
    found = json.loads(running.installation.python(TOLD))
    return found if found["silence"] else None
