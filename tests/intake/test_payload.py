"""I2, I3, I10: what is understood, exactly, and what is refused without a trace."""

import json
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from signals.intake import normalise, payload
from signals.models import Signal
from signals.receive import Alert
from tests.intake.conftest import ALERT, refusals, stored
from tests.payloads.hostile import HOSTILE


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_body_is_a_400_that_stores_nothing(portal, name):
    body, field = HOSTILE[name]
    portal.source("tv")
    sent = portal.send("tv", body)
    assert sent.status == 400, sent.body
    assert sent.body["code"] == "invalid_payload"
    assert sent.body.get("field") == field
    assert 0 < len(sent.body["reason"]) < 200
    assert stored() == (0, 0)
    [row] = refusals()
    assert (row.outcome, row.source_slug) == (400, "tv")


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_body_of_a_stranger_is_a_401(portal, name):
    assert portal.post("/webhook", HOSTILE[name][0]).status == 401
    assert len(refusals()) == 1


@pytest.mark.parametrize(
    "body",
    [
        '{"token":"%s","symbol":"BTCUSDT","action":"buy","price":NaN}',
        '{"symbol":"BTCUSDT","symbol":"X","secret":"%s"',
        '{"token":"%s","mine":' + "[" * 5000,
        'buy BTCUSDT token=%s comment="x',
    ],
)
def test_the_token_is_found_in_a_body_that_is_not_valid(portal, body):
    """So that the sender is told what is wrong, instead of that it is not known."""
    portal.source("tv")
    sent = portal.post("/webhook", body % portal.secret["tv"])
    assert sent.status == 400
    assert refusals()[0].source_slug == "tv"


def _alert(fields: dict) -> Alert:
    message = payload.read(json.dumps(fields).encode()).message
    assert message is not None
    return normalise.alert(message.fields)


def test_every_field_by_its_first_name():
    given = {
        "symbol": "BINANCE:BTCUSDT.P",
        "action": "BUY",
        "direction": "Long",
        "market_position": "long",
        "market_position_size": 0,
        "prev_market_position": "flat",
        "strategy": "trend",
        "market": "swap",
        "timeframe": "15",
        "timestamp": "2026-11-21T10:00:00.250Z",
        "bar_time": "2026-11-21T09:45:00Z",
        "id": "a-1",
        "order_type": "stop-limit",
        "price": 67000.5,
        "quantity": "0.0100",
        "quote_amount": 100,
        "percent": "50%",
        "leverage": 3,
        "margin_mode": "Cross",
        "stop_loss": "2%",
        "take_profit": [{"at": "3%", "share": "50%"}, {"price": 70000, "ratio": 0.5}],
        "trailing_stop": 100.50,
        "reduce_only": True,
        "strike": 70000,
        "expiration": "2026-12-18",
        "confidence": 0.75,
        "dryRun": "true",
        "comment": "a\nnote",
        "token": "not kept",
        "mine": {"nested": [1, 2.5]},
    }
    assert _alert(given) == Alert(
        symbol="BINANCE:BTCUSDT.P",
        action="buy",
        direction="long",
        market_position="long",
        market_position_size=Decimal(0),
        prev_market_position="flat",
        strategy="trend",
        market="swap",
        timeframe="15",
        sent_at=datetime(2026, 11, 21, 10, 0, 0, 250000, tzinfo=UTC),
        bar_time="2026-11-21T09:45:00Z",
        sender_id="a-1",
        order_type="stop_limit",
        price=Decimal("67000.5"),
        quantity=Decimal("0.01"),
        quote_amount=Decimal(100),
        percent=Decimal(50),
        leverage=Decimal(3),
        margin_mode="cross",
        stop_loss="2%",
        take_profit=[{"at": "3%", "share": "50%"}, {"at": "70000", "share": "50%"}],
        trailing_stop="100.5",
        reduce_only=True,
        strike=Decimal(70000),
        expiration="2026-12-18",
        confidence=Decimal("0.75"),
        dry_run=True,
        comment="a note",
        extra={"mine": {"nested": [1, 2.5]}},
    )
    assert Alert.from_json(_alert(given).to_json()) == _alert(given)


@pytest.mark.parametrize(
    ("alias", "name", "value"),
    [
        ("ticker", "symbol", "ETHUSDT"),
        ("instrument", "symbol", "ETHUSDT"),
        ("interval", "timeframe", 15),
        ("timenow", "timestamp", "2026-11-21T10:00:00Z"),
        ("time", "bar_time", 1763719200),
        ("type", "market", "spot"),
        ("qty", "quantity", "0.5"),
        ("contracts", "quantity", 2),
        ("size", "quantity", 2.5),
        ("sl", "stop_loss", 60000),
        ("tp", "take_profit", "5%"),
        ("dry_run", "dryRun", True),
    ],
)
def test_an_alias_is_the_same_field(alias, name, value):
    base = {"action": "buy"} if name == "symbol" else {"symbol": "BTCUSDT", "action": "buy"}
    assert _alert({**base, alias: value}) == _alert({**base, name: value})
    assert _alert({**base, alias: value, name: value}) == _alert({**base, name: value})


@pytest.mark.parametrize(
    "value",
    [
        "2026-11-21T10:00:00Z",
        "2026-11-21T12:00:00+02:00",
        "2026-11-21T10:00:00",
        1795255200,
        "1795255200",
        1795255200000,
    ],
)
def test_a_time_in_any_common_form(value):
    assert _alert({"symbol": "X", "action": "buy", "timestamp": value}).sent_at == datetime(
        2026, 11, 21, 10, tzinfo=UTC
    )


def test_empty_and_null_fields_are_not_given():
    alert = _alert({"symbol": "X", "action": "buy", "price": None, "quantity": "", "sl": " ", "dryRun": None})
    assert alert == Alert(symbol="X", action="buy")


def test_numbers_are_exact_to_the_last_digit(portal):
    portal.source("tv")
    body = (
        b'{"symbol":"BTCUSDT","action":"buy","mine":0.1,'
        b'"quantity":0.123456789012345678,"price":"12345678901234.123456"}'
    )
    assert portal.send("tv", body).status == 201
    signal = Signal.objects.get()
    alert = Alert.from_json(signal.data)
    assert (alert.quantity, alert.price) == (Decimal("0.123456789012345678"), Decimal("12345678901234.123456"))
    assert signal.raw == {
        "symbol": "BTCUSDT",
        "action": "buy",
        "quantity": "0.123456789012345678",  # no double holds it
        "price": "12345678901234.123456",
        "mine": 0.1,
    }


def test_one_line_of_text(portal):
    portal.source("tv")
    assert portal.send("tv", "Buy BTCUSDT qty=0.01 sl=2% comment='two words'\n").status == 201
    signal = Signal.objects.get()
    assert signal.data == {
        "symbol": "BTCUSDT",
        "action": "buy",
        "order_type": "market",
        "quantity": "0.01",
        "stop_loss": "2%",
        "comment": "two words",
    }
    assert signal.raw == "Buy BTCUSDT qty=0.01 sl=2% 'comment=two words'"


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("long ETHUSDT", {"symbol": "ETHUSDT", "direction": "long"}),
        ("symbol=ETHUSDT action=sell", {"symbol": "ETHUSDT", "action": "sell"}),
        ("qty=1 exit ETHUSDT", {"symbol": "ETHUSDT", "action": "exit", "quantity": "1"}),
    ],
)
def test_the_parts_of_a_line(line, expected):
    message = payload.read(line.encode()).message
    assert message is not None
    assert normalise.alert(message.fields).to_json() == {"order_type": "market", **expected}


@pytest.mark.parametrize("content_type", ["text/plain", "application/json", "application/x-www-form-urlencoded", ""])
def test_the_content_type_does_not_matter(portal, content_type):
    portal.source("tv")
    assert portal.send("tv", ALERT, content_type=content_type).status == 201


def test_a_byte_order_mark_is_no_obstacle(portal):
    portal.source("tv")
    assert portal.send("tv", b"\xef\xbb\xbf" + json.dumps(ALERT).encode()).status == 201


def test_unknown_fields_are_kept_without_the_credential(portal):
    portal.source("tv")
    portal.send("tv", {**ALERT, "token": "x", "secret": "y", "mine": "kept"})
    signal = Signal.objects.get()
    assert signal.data["extra"] == {"mine": "kept"}
    assert signal.raw == {**ALERT, "mine": "kept"}


def test_what_a_source_requires(portal):
    portal.source("tv", require=["timeframe", "timestamp", "mine"])
    full = {**ALERT, "interval": "15", "timenow": "2026-11-21T10:00:00Z", "mine": 1}
    for missing, named in (("interval", "timeframe"), ("timenow", "timestamp"), ("mine", "mine")):
        sent = portal.send("tv", {name: value for name, value in full.items() if name != missing})
        assert (sent.status, sent.body["field"]) == (400, named)
    assert portal.send("tv", full).status == 201


def test_a_timestamp_is_stored_as_the_time_it_was_sent(portal):
    portal.source("tv")
    portal.send("tv", {**ALERT, "timestamp": "2026-11-21T10:00:00Z"})
    assert Signal.objects.get().sent_at == datetime(2026, 11, 21, 10, tzinfo=UTC)
