"""`send_alert` against a stand-in portal on loopback: what it sends, what it prints, and how it ends."""

from __future__ import annotations

import io
import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from django.core.management import CommandError, call_command

from tests import factories, life
from tradeops.core import clock

pytestmark = pytest.mark.django_db
TOKEN = "a-token-of-this-test-only"


class Portal:
    """Answers one webhook with what the test says, and remembers what it was sent."""

    def __init__(self) -> None:
        self.status, self.answer, self.seen = 201, {}, []
        portal = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                portal.seen.append((self.path, dict(self.headers), json.loads(body)))
                self.send_response(portal.status)
                self.end_headers()
                self.wfile.write(json.dumps(portal.answer).encode())

            def log_message(self, *args: object) -> None:
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture
def portal(monkeypatch):
    monkeypatch.setenv("TRADEOPS_SOURCE_TOKEN", TOKEN)
    portal = Portal()
    yield portal
    portal.server.shutdown()
    portal.server.server_close()


def run(portal: Portal, *options: str) -> str:
    out = io.StringIO()
    call_command("send_alert", "--url", portal.url, *options, stdout=out)
    return out.getvalue()


def test_it_sends_one_alert_and_prints_each_stage_to_the_end(portal):
    signal = life.traded(life.house(), at=clock.now())
    portal.answer = {"status": "ACCEPTED", "signal_id": signal.public_id}
    lines = run(portal, "--source", "tv", "--price", "50000").splitlines()
    assert len(portal.seen) == 1
    path, headers, body = portal.seen[0]
    assert (path, headers["X-Webhook-Token"]) == ("/webhook/tv", TOKEN)
    assert {name: body[name] for name in ("symbol", "action", "price")} == {
        "symbol": "BTCUSDT", "action": "buy", "price": "50000",
    }  # fmt: skip
    assert TOKEN not in json.dumps(body)
    assert lines[0] == f"Accepted as {signal.public_id}"
    assert [line.split()[2] for line in lines[1:-1]].count("filled") == 2
    assert lines[-1] == (
        "It traded: buy BTC/USDT filled on paper-1 and paper-2 at 50000. Deliveries: 1. Notifications: 2."
    )
    assert TOKEN not in "".join(lines)


def test_two_alerts_have_two_ids_so_that_none_is_a_duplicate(portal):
    signal = life.traded(life.house(), at=clock.now())
    portal.answer = {"status": "ACCEPTED", "signal_id": signal.public_id}
    run(portal)
    run(portal)
    assert portal.seen[0][2]["id"] != portal.seen[1][2]["id"]


def test_json_prints_the_trace_and_nothing_else(portal):
    signal = life.traded(life.house(), at=clock.now())
    portal.answer = {"signal_id": signal.public_id}
    assert json.loads(run(portal, "--json"))["signal"]["id"] == signal.public_id


def test_it_fails_with_the_reason_when_the_signal_did_not_trade(portal):
    portal.answer = {"signal_id": life.rejected(life.house(), at=clock.now()).public_id}
    with pytest.raises(CommandError, match=r"It did not trade\. paper-1, paper-2: the order is worth 50000 USDT"):
        run(portal)


def test_it_fails_when_the_time_is_up(portal):
    portal.answer = {"signal_id": factories.signal(life.house().strategy).public_id}
    with pytest.raises(CommandError, match=r"not over after 0\.2 s\. The signal is not decided yet"):
        run(portal, "--timeout", "0.2")


def test_it_fails_when_the_portal_is_another_installations(portal):
    portal.answer = {"signal_id": "01a1fda6-067c-71fa-ad1e-73e75f8ef8f6"}
    with pytest.raises(CommandError, match="this database does not have"):
        run(portal, "--timeout", "0.2")


@pytest.mark.parametrize(
    ("status", "answer", "sentence"),
    [
        (401, {}, "The portal answered 401: the token is not this source's, or the source is off."),
        (400, {"reason": "price: not a number"}, "The portal answered 400: price: not a number."),
        (500, {}, "The portal answered 500: it was not accepted."),
    ],
)
def test_it_says_what_a_refusal_means(portal, status, answer, sentence):
    portal.status, portal.answer = status, answer
    with pytest.raises(CommandError) as failure:
        run(portal)
    assert str(failure.value) == sentence
    assert TOKEN not in str(failure.value)


def test_it_says_when_nobody_answers(monkeypatch):
    monkeypatch.setenv("TRADEOPS_SOURCE_TOKEN", TOKEN)
    with pytest.raises(CommandError, match="does not answer") as failure:
        call_command("send_alert", "--url", "http://127.0.0.1:9")
    assert TOKEN not in str(failure.value)


def test_it_finds_the_demos_token(portal, monkeypatch, settings):
    monkeypatch.delenv("TRADEOPS_SOURCE_TOKEN")
    monkeypatch.delenv("DEMO_SOURCE_TOKEN", raising=False)
    demo = settings.ENV.data_dir / "demo.env"
    demo.write_text("# made for the demo\nDEMO_SOURCE_TOKEN=the-token-of-the-demo\n")
    portal.answer = {"signal_id": life.traded(life.house(), at=clock.now()).public_id}
    try:
        run(portal)
    finally:
        demo.unlink()
    assert portal.seen[0][1]["X-Webhook-Token"] == "the-token-of-the-demo"


def test_without_a_token_it_says_where_to_put_one(portal, monkeypatch):
    monkeypatch.delenv("TRADEOPS_SOURCE_TOKEN")
    monkeypatch.delenv("DEMO_SOURCE_TOKEN", raising=False)
    with pytest.raises(CommandError, match="set TRADEOPS_SOURCE_TOKEN, name a file"):
        run(portal)
    assert portal.seen == []
