"""`manage.py demo_vps`: what a newcomer's first signal arrives at."""

import json
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from datetime import UTC, datetime
from pathlib import Path

import pytest

from benchmarks.processes import free_ports
from tests.processes import wait_until
from tradeops.core import signing

ROOT = Path(__file__).resolve().parent.parent.parent
SECRET = "the-demo-receivers-secret"
pytestmark = pytest.mark.processes


def call(url, body=None, headers=None):
    request = urllib.request.Request(url, data=body, headers=headers or {})
    try:
        with urllib.request.urlopen(request, timeout=5) as response:
            return response.status, json.loads(response.read())
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.loads(error.read())


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    first, second, telegram = free_ports(3)
    log = (tmp_path_factory.mktemp("demo") / "log").open("w+")
    environment = {**os.environ, "DEMO_VPS_1_SECRET": SECRET, "TRADEOPS_DEMO_PORTS": f"{first},{second}"}
    command = [sys.executable, str(ROOT / "manage.py"), "demo_vps", "--telegram-port", str(telegram)]
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=subprocess.STDOUT)

    def up():
        log.seek(0)
        return "demo receivers on 127.0.0.1" in log.read()

    wait_until(up, seconds=30, what="the demo receivers")
    yield {"first": first, "second": second, "telegram": telegram, "log": log}
    process.send_signal(signal.SIGTERM)
    assert process.wait(10) == 0
    log.close()


def signed(body, secret=SECRET):
    return signing.webhook_headers(secret, message_id="m", body=body, now=datetime.now(UTC))


def message(key, **fields):
    return json.dumps({"id": key, "type": "signal", "data": {"symbol": "BTCUSD"}, "replay": False, **fields}).encode()


def test_a_signed_message_is_accepted_once(demo):
    url, body = f"http://127.0.0.1:{demo['first']}", message("one")
    assert call(f"{url}/webhook", body, signed(body)) == (200, {"status": "accepted"})
    assert call(f"{url}/webhook", body, signed(body)) == (200, {"status": "duplicate"})
    again = message("one", replay=True)
    assert call(f"{url}/webhook", again, signed(again)) == (200, {"status": "replayed"})
    _, shown = call(f"{url}/received?last=3")
    assert [(row["status"], row["signature"], row["message"]["id"]) for row in shown["received"]] == [
        ("accepted", "valid", "one"),
        ("duplicate", "valid", "one"),
        ("replayed", "valid", "one"),
    ]
    demo["log"].seek(0)
    text = demo["log"].read()
    assert "vps-1: accepted signal BTCUSD one (signature valid)" in text
    assert SECRET not in text


@pytest.mark.parametrize("headers", [{}, {"X-Webhook-Signature": "0" * 64}, signed(b"another")])
def test_a_wrong_signature_is_refused_and_leaves_nothing(demo, headers):
    url = f"http://127.0.0.1:{demo['first']}"
    assert call(f"{url}/webhook", message("forged"), headers)[0] == 401
    assert "forged" not in json.dumps(call(f"{url}/received")[1])


def test_without_a_secret_it_says_that_nothing_was_checked(demo):
    url = f"http://127.0.0.1:{demo['second']}"
    assert call(f"{url}/webhook", message("open"))[0] == 200
    assert call(f"{url}/received")[1]["received"][-1]["signature"] == "not checked"


@pytest.mark.parametrize("body", [b"", b"nonsense", b"[]", b'{"id":1}', b'{"id":1,"type":"x","data":[]}'])
def test_what_is_no_message_is_refused(demo, body):
    assert call(f"http://127.0.0.1:{demo['second']}/webhook", body, {"Content-Type": "application/json"})[0] == 400


def test_each_tells_its_health(demo):
    for name in ("first", "second", "telegram"):
        status, body = call(f"http://127.0.0.1:{demo[name]}/health")
        assert (status, body["status"]) == (200, "ok")


def test_the_notifier_can_talk_to_the_telegram_stand_in(demo, settings):
    from relay.notify.base import Destination, NotifierMessage
    from relay.notify.telegram import TelegramNotifier
    from tradeops.core.events import Level

    settings.TELEGRAM_API_URL = f"http://127.0.0.1:{demo['telegram']}"
    notifier = TelegramNotifier()
    told = NotifierMessage(id="1", event="order.filled", level=Level.INFO, title="bought", at=datetime.now(UTC))
    notifier.send(told, to=Destination(target="42"))
    notifier.close()
    [sent] = call(f"{settings.TELEGRAM_API_URL}/sent")[1]["sent"]
    assert sent["chat_id"] == "42"
    assert "bought" in sent["text"]
    token = settings.TELEGRAM_BOT_TOKEN
    assert call(f"{settings.TELEGRAM_API_URL}/bot{token}/getMe")[1]["result"]["is_bot"] is True
    demo["log"].seek(0)
    assert token not in demo["log"].read()


def test_a_port_that_is_taken_is_told(demo):
    command = [sys.executable, str(ROOT / "manage.py"), "demo_vps", "--ports", str(demo["first"])]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=30, check=False)
    assert ended.returncode == 1
    assert "a demo receiver cannot listen" in ended.stderr
    assert "Traceback" not in ended.stderr
