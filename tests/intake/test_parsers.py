"""I3: what other services' messages come to, exactly; and that their credentials are ours and go nowhere."""

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signals.intake import normalise, payload, request_log
from signals.intake.parsers import PARSERS
from signals.models import DedupKey, Signal
from tests.intake.conftest import ALERT, refusals, stored
from tests.payloads.services import REFUSED, UNDERSTOOD
from tradeops.core.errors import InvalidPayload


@pytest.mark.parametrize("name", UNDERSTOOD)
def test_a_message_comes_to_exactly_this(name):
    message, _, wanted = UNDERSTOOD[name]
    reading = payload.read(json.dumps(message).encode())
    assert reading.error is None
    assert normalise.alert(reading.message.fields).to_json() == wanted
    assert reading.message.raw == message  # as it was sent


@pytest.mark.parametrize("name", UNDERSTOOD)
def test_its_credential_lets_it_in_and_is_gone(portal, name):
    message, where, _ = UNDERSTOOD[name]
    portal.source("bot")
    secret = portal.secret["bot"]
    assert portal.post("/webhook", {**message, where: secret + "x"}).status == 401
    assert portal.post("/webhook", {**message, where: secret}).status == 201
    signal = Signal.objects.get()
    assert signal.raw == message
    assert secret not in json.dumps([signal.raw, signal.data, *DedupKey.objects.values_list("key", flat=True)])
    assert all(secret not in str(vars(row)) for row in refusals())


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_not_understood_exactly_is_refused_by_name(portal, name):
    message, field = REFUSED[name]
    portal.source("bot")
    sent = portal.send("bot", message)
    assert (sent.status, sent.body["field"]) == (400, field), sent.body
    assert 0 < len(sent.body["reason"]) < 200
    assert stored() == (0, 0)


@pytest.mark.parametrize("where", ["token", "secret", "email_token", "signalToken"])
def test_a_credential_in_a_refused_message_is_found_and_not_logged(portal, where):
    portal.source("bot")
    message, _ = REFUSED["3commas bot delayed"]
    for body in (json.dumps({**message, where: portal.secret["bot"]}), f'{{"{where}": "{portal.secret["bot"]}", ['):
        assert portal.post("/webhook", body).status == 400
    request_log.flush()
    rows = refusals()
    assert {row.source_slug for row in rows} == {"bot"}
    assert all(portal.secret["bot"] not in str(vars(row)) for row in rows)


def test_the_same_order_name_twice_is_two_signals(portal):
    """OKX's `id` is the name of an order in a script, the same for each entry: it must not stand for a copy."""
    portal.source("bot")
    message = UNDERSTOOD["okx of a strategy"][0]
    for minute in (30, 35):
        assert portal.send("bot", {**message, "timestamp": f"2026-11-20T15:{minute}:00Z"}).status == 201
    assert stored() == (2, 2)


@pytest.mark.parametrize(
    "message",
    [
        ALERT,
        {"ticker": "AMD", "action": "buy", "price": "1", "time": "2026-11-20T15:30:00Z", "interval": "5"},
        {"symbol": "AMD", "action": "buy", "bot_id": 7},
        {"instrument": "AMD", "action": "buy", "amount": 3},
    ],
)
def test_a_message_of_our_own_is_no_other_services(message):
    assert [parser.__name__.rpartition(".")[2] for parser in PARSERS if parser.claims(message)] == ["standard"]


def test_no_two_services_claim_one_message():
    for name, (message, where, _) in UNDERSTOOD.items():
        claimed = [parser for parser in PARSERS[:-1] if parser.claims({**message, where: "x"})]
        assert len(claimed) == 1, name


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({**ALERT, "symbol": "{{ticker}}"}, "symbol"),
        ({**ALERT, "action": "{{strategy.order.action}}"}, "action"),
        ({**ALERT, "price": "{{close}}"}, "price"),
        ({**ALERT, "id": "{{strategy.order.id}}-{{time}}"}, "id"),
        ({**ALERT, "timestamp": "{{timenow}}"}, "timestamp"),
        ({**ALERT, "timeframe": "{{interval}}"}, "timeframe"),
        ('{"symbol": "BTCUSDT", "action": "buy", "price": {{close}}}', None),
        ("{{strategy.order.alert_message}}", None),
    ],
)
def test_a_placeholder_that_was_not_filled_in_is_told_as_what_it_is(portal, body, field):
    portal.source("tv")
    sent = portal.send("tv", body)
    assert (sent.status, sent.body.get("field")) == (400, field)
    assert "{{placeholder}} that TradingView did not fill in" in sent.body["reason"]
    assert stored() == (0, 0)


def test_a_comment_may_hold_one_for_it_changes_no_trade(portal):
    portal.source("tv")
    assert portal.send("tv", {**ALERT, "comment": "{{strategy.order.comment}}"}).status == 201


# Any bytes -----------------------------------------------------------------------------------------------------------

NAMES = sorted(
    {name for message, where, _ in UNDERSTOOD.values() for name in [*message, where]} | set(normalise.BY_NAME)
)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=12)
    | st.sampled_from(
        ["buy", "ENTER_LONG", "exit_long", "bot", "flat", "5%", "1e5", "{{x}}", "2026-11-20", "\ud800", "\0"]
    ),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=4),
    max_leaves=6,
)
BODIES = (
    st.binary(max_size=200)
    | st.text(max_size=200).map(lambda text: text.encode("utf-8", "surrogatepass"))
    | st.dictionaries(st.sampled_from(NAMES), VALUES, max_size=8).map(lambda body: json.dumps(body).encode())
    | st.lists(st.sampled_from(["buy", "BTCUSDT", "qty=1", "token=x", "'", '"', "=", "a=b", "\\", "{{x}}"])).map(
        lambda words: " ".join(words).encode()
    )
    | st.builds(
        lambda whole, change: json.dumps({**whole[0], **change}).encode(),
        st.sampled_from(list(UNDERSTOOD.values())),
        st.dictionaries(st.sampled_from(NAMES), VALUES, max_size=3),
    )
)


@settings(max_examples=600, deadline=None)
@given(BODIES)
def test_any_bytes_are_understood_or_refused_and_nothing_else(body):
    reading = payload.read(body)
    assert isinstance(reading.token, str)
    if reading.message is None:
        assert isinstance(reading.error, InvalidPayload)
        return
    try:
        alert = normalise.alert(reading.message.fields)
    except InvalidPayload:
        return
    stored_as = json.dumps([alert.to_json(), reading.message.raw], allow_nan=False)
    stored_as.encode()
    assert "\\u0000" not in stored_as
    assert alert.sent_at is None or datetime(2000, 1, 1, tzinfo=UTC) <= alert.sent_at
