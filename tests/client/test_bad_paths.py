"""What goes wrong on the way to a portal, and what a program is told of it."""

from __future__ import annotations

import logging
import pickle
import traceback
from itertools import islice

import pytest

from tests.client.conftest import Turns, nothing
from tests.client.scripted import ACCESS, PASSWORD, REFRESH, SIGN_IN, Reply
from tests.installation import free_port
from tradeops import client as api
from tradeops.client import Client

EVENTS, STATE, ACCOUNTS = "/api/v1/events", "/api/v1/accounts/paper-1/state", "/api/v1/accounts"
EMPTY = {"results": [], "next": None, "previous": None}


def error(code="x", message="no"):
    return {"error": {"code": code, "message": message}, "request_id": "r"}


def event(number):
    return {
        "id": number, "event": "order.filled", "level": "info", "title": "t", "at": "2026-03-02T14:30:00.012Z",
        "signal": "", "strategy": "", "account": "", "symbol": "", "request_id": "", "body": {},
    }  # fmt: skip


def page(*numbers, cursor, more=False):
    return {"results": [event(number) for number in numbers], "cursor": cursor, "next": "x" if more else None}


@pytest.mark.parametrize(
    ("reply", "kind", "words"),
    [
        (Reply(error("forbidden", "kept out"), 403), api.Forbidden, "kept out (HTTP 403)"),
        (Reply(error("not_found", "none"), 404), api.NotFound, "none (HTTP 404)"),
        (Reply(error("invalid", {"status": ["bad"]}), 400), api.Refused, "{'status': ['bad']} (HTTP 400)"),
        (Reply(error("rate_limited"), 429, {"Retry-After": "7"}), api.RateLimited, "no (HTTP 429)"),
        (Reply(b"<html>", 503), api.Busy, "The portal answered with HTTP 503."),
        (Reply(b"<html>", 502), api.ServerFailed, "The portal answered with HTTP 502."),
        (Reply(b"<html>", 200), api.BadAnswer, "The answer is not JSON: is this the portal's address?"),
        (Reply(b"[" * 200_000), api.BadAnswer, "The answer is not JSON: is this the portal's address?"),
        (Reply([]), api.BadAnswer, "The answer has no body where one was expected."),
        (Reply({}), api.BadAnswer, "The answer's body has no results that can be understood."),
        (Reply({"results": [3]}), api.BadAnswer, "The answer has no results where one was expected."),
        (Reply({}, 302, {"Location": "http://127.0.0.1:9/"}), api.Refused, "The portal answered with HTTP 302."),
    ],
)
def test_each_failure_has_its_error(script, scripted_client, reply, kind, words):
    script.says(ACCOUNTS, reply)
    with pytest.raises(kind) as raised:
        scripted_client().accounts()
    assert (type(raised.value), str(raised.value)) == (kind, words)
    assert script.paths() == [SIGN_IN, ACCOUNTS]  # asked once, and a redirection is not followed


@pytest.mark.parametrize(
    ("header", "seconds"), [("7", 7.0), ("Wed, 21 Oct 2015 07:28:00 GMT", 0.0), ("soon", None), ("", None)]
)
@pytest.mark.parametrize(("status", "kind"), [(429, api.RateLimited), (503, api.Busy)])
def test_when_to_come_back(script, scripted_client, header, seconds, status, kind):
    script.says(ACCOUNTS, Reply(error(), status, {"Retry-After": header}))
    with pytest.raises(kind) as raised:
        scripted_client().accounts()
    assert raised.value.retry_after == seconds


def test_nobody_there():
    with Client(f"http://127.0.0.1:{free_port()}", username="ann", password=PASSWORD) as client:
        with pytest.raises(api.Unreachable) as raised:
            client.accounts()
        assert str(raised.value).endswith("cannot be reached, or hung up.")


def test_one_who_does_not_answer_and_one_who_stops_half_way(script, scripted_client):
    script.says(ACCOUNTS, Reply(EMPTY, hang=1.0), Reply(EMPTY, cut=True), Reply(EMPTY))
    client = scripted_client(timeout=0.3)
    with pytest.raises(api.Unreachable, match="did not answer within"):
        client.accounts()
    with pytest.raises(api.Unreachable, match="hung up"):
        client.accounts()
    assert client.accounts() == []


def test_a_wrong_password_is_tried_once(script, scripted_client):
    script.says(SIGN_IN, Reply(error("no_active_account", "No such account."), 401))
    client = scripted_client(Turns())
    with pytest.raises(api.Unauthorised, match="No such account"):
        client.accounts()
    assert script.paths() == [SIGN_IN]
    with pytest.raises(api.Unauthorised):
        next(client.events(after=0))
    assert script.paths() == [SIGN_IN, SIGN_IN]


def test_a_guesser_at_the_same_name_is_waited_out(script, scripted_client):
    turns = Turns(nothing)
    script.says(
        SIGN_IN, Reply(error("rate_limited"), 429, {"Retry-After": "41"}), Reply({"access": "a", "refresh": "r"})
    )
    script.says(EVENTS, page(1, cursor=1))
    assert next(scripted_client(turns).events(after=0)).id == 1
    assert turns.waited == [41.0]


def test_a_token_that_is_refused_is_renewed_once_and_not_again(script, scripted_client):
    script.says(ACCOUNTS, Reply(error("token_not_valid"), 401))
    script.says("/api/v1/auth/refresh", {"access": "second", "refresh": "r2"})
    with pytest.raises(api.Unauthorised):
        scripted_client().accounts()
    assert script.paths() == [SIGN_IN, ACCOUNTS, "/api/v1/auth/refresh", ACCOUNTS]
    assert [one.headers.get("Authorization") for one in script.asked] == [
        None, f"Bearer {ACCESS}", None, "Bearer second",
    ]  # fmt: skip
    assert script.asked[2].body == {"refresh": REFRESH}


def test_a_given_token_is_used_as_it_is(script, scripted_client):
    script.says(ACCOUNTS, Reply(error("token_not_valid", "Expired."), 401))
    with pytest.raises(api.Unauthorised, match="Expired"):
        scripted_client(username="", password="", token="a-personal-token").accounts()
    assert [(one.path, one.headers["Authorization"]) for one in script.asked] == [(ACCOUNTS, "Bearer a-personal-token")]


def test_a_one_time_code_goes_with_the_password(script, scripted_client):
    script.says(ACCOUNTS, EMPTY)
    scripted_client(otp="123456").accounts()
    assert script.asked[0].body == {"username": "ann", "password": PASSWORD, "otp": "123456"}


def test_an_outage_is_sat_out_and_nothing_is_lost_or_repeated(script, scripted_client, caplog):
    turns = Turns(*[nothing] * 6)
    script.says(
        EVENTS, page(1, 2, cursor=2, more=True), Reply(b"", 502), Reply(b"junk"),
        Reply(error(), 503, {"Retry-After": "9"}), Reply(page(3, cursor=3), cut=True), page(3, cursor=3),
        page(4, cursor=9), page(cursor=9),
    )  # fmt: skip
    with caplog.at_level(logging.DEBUG):
        seen = [one.id for one in scripted_client(turns).events(after=0, every=2.0)]
    assert seen == [1, 2, 3, 4]
    waits = turns.waited
    assert waits[2] == 9.0
    assert waits[4:] == [2.0, 2.0, 2.0]
    assert 0.25 <= waits[0] <= 0.5
    assert 0.5 <= waits[1] <= 1.0
    assert 2.0 <= waits[3] <= 4.0
    assert [one.query["after"] for one in script.asked[1:]] == ["0", "2", "2", "2", "2", "2", "3", "9"]
    assert sum("Asking again" in record.getMessage() for record in caplog.records) == 4


def test_the_etag_of_a_place_is_given_back_while_nothing_is_new(script, scripted_client):
    turns = Turns(*[nothing] * 3)
    first = Reply(page(cursor=5), headers={"ETag": '"5-5"'})
    script.says(EVENTS, first, Reply(status=304), Reply(page(6, cursor=6), headers={"ETag": '"5-6"'}), page(cursor=6))
    assert [one.id for one in scripted_client(turns).events(after=5)] == [6]
    assert [one.headers.get("If-None-Match") for one in script.asked[1:]] == [None, '"5-5"', '"5-5"', None]


def test_what_is_gone_is_not_passed_over_in_silence(script, scripted_client):
    script.says(EVENTS, Reply(error("events_gone", "Events from 2 to 5 are not kept any more."), 410))
    with pytest.raises(api.EventsGone, match="from 2 to 5"):
        next(scripted_client().events(after=1))


def test_a_place_among_the_fills_that_was_never_reached_is_not_passed_over(script, scripted_client):
    script.says("/api/v1/accounts/paper-1/state", Reply(error("fills_gone", "There was no fill 7 yet."), 410))
    with pytest.raises(api.FillsGone, match="no fill 7"):
        scripted_client().sync_paper("paper-1", fills_after=7)


def test_what_is_never_an_answer_is_not_asked_for_ever(script, scripted_client):
    turns = Turns(*[nothing] * 50)
    script.says(EVENTS, Reply(b"<html>a captive portal"))
    with pytest.raises(api.BadAnswer):
        next(scripted_client(turns).events(after=0))
    assert len(turns.waited) == 9


def test_a_watch_sits_out_an_outage_and_passes_over_results_that_are_gone(script, scripted_client):
    def run(number):
        return {
            "run_id": f"r{number}", "plan": "premarket", "status": "COMPLETED",
            "finished_at": f"2026-03-02T14:3{number}:00.000Z",
        }  # fmt: skip

    def listed(*numbers):
        return {**EMPTY, "results": [run(number) for number in numbers]}

    results = {
        "run_id": "r2", "timestamp": "2026-03-02T14:32:00.000Z", "symbols_analyzed": ["AAPL"], "alerts": [],
        "trading_signals": {"AAPL": {"success": False, "error": "no history"}},
        "performance_metrics": {
            "success_rate": 0.0, "avg_confidence": 0, "signal_distribution": {"BUY": 0, "SELL": 0, "HOLD": 0},
        },
    }  # fmt: skip
    gone, busy = Reply(error("not_found"), 404), Reply(error(), 503, {"Retry-After": "8"})
    script.says("/api/v1/analysis", busy, listed(), listed(1), listed(2, 1))
    script.says("/results", gone, busy, results)
    turns = Turns(*[nothing] * 4)
    [found] = scripted_client(turns).watch_results(every=6.0)
    assert (found.run_id, found.trading_signals["AAPL"].error) == ("r2", "no history")
    assert turns.waited == [8.0, 6.0, 6.0, 8.0, 6.0]
    assert [one.query for one in script.asked if one.path == "/results"] == [
        {"run": "r1"},
        {"run": "r2"},
        {"run": "r2"},
    ]


def test_a_copy_that_fails_half_way_has_changed_nothing(script, scripted_client):
    state = {
        "account": "paper-1", "broker": "paper", "currency": "USDT", "at": "2026-03-02T14:30:00.000Z", "read_at": None,
        "balances": [{"currency": "USDT", "total": "1", "free": "1"}], "venue_positions": [], "positions": [],
        "open_orders": [], "fills": [], "fills_cursor": 4, "more_fills": False,
    }  # fmt: skip
    bad = {**state, "fills_cursor": 9, "balances": [{"currency": "USDT", "total": "NaN", "free": "1"}]}
    script.says(STATE, {**state, "fills_cursor": None}, state, bad, state)
    turns = Turns(nothing)
    copy = scripted_client(turns).sync_paper("paper-1")  # the portal did not know its place among the fills at first
    assert len(turns.waited) == 1
    with pytest.raises(api.BadAnswer, match="no total that can be understood"):
        copy.update()
    assert (copy.fills_cursor, copy.balances["USDT"].total) == (4, 1)
    assert not copy.update()


def test_a_real_account_is_not_taken_for_a_paper_one(script, scripted_client):
    script.says(STATE, {"broker": "okx", "at": "2026-03-02T14:30:00.000Z"})
    with pytest.raises(api.NotPaper, match="an account at okx"):
        scripted_client().sync_paper("paper-1")
    with pytest.raises(ValueError):
        scripted_client().sync_paper("../../results?x=")


@pytest.mark.parametrize(
    ("url", "options"),
    [
        ("http://trade.example.com", {}),
        ("ftp://127.0.0.1", {}),
        ("https://ann:pw@trade.example.com", {}),
        ("https://trade.example.com?x=1", {}),
        ("https://trade.example.com", {"password": ""}),
        ("https://trade.example.com", {"token": "t"}),
    ],
)
def test_what_makes_no_sense_is_refused_at_once(url, options):
    with pytest.raises(ValueError):
        Client(url, **{"username": "ann", "password": PASSWORD, **options})


def everything(value, seen=None):
    """The text of an object and of all that hangs on it, exceptions' contexts and requests included."""
    seen = {} if seen is None else seen
    if id(value) in seen or len(seen) > 20_000:
        return ""
    seen[id(value)] = value
    parts = [repr(value), str(value)]
    if isinstance(value, BaseException):
        parts += [everything(one, seen) for one in (value.__cause__, value.__context__, *value.args) if one is not None]
    for one in getattr(value, "__dict__", {}).values():
        parts.append(everything(one, seen))
    return " ".join(parts)


@pytest.mark.parametrize(
    "reply",
    [
        Reply(status=401, body=error()), Reply(b"junk"), Reply(hang=0.6), Reply(cut=True), Reply(drop=True),
        Reply(status=503),
    ],
)  # fmt: skip
@pytest.mark.parametrize("path", [SIGN_IN, ACCOUNTS])
def test_neither_password_nor_token_is_in_an_error_a_log_or_a_repr(script, scripted_client, caplog, reply, path):
    script.says(path, reply)
    client = scripted_client(Turns(nothing), timeout=0.3)
    with caplog.at_level(logging.DEBUG), pytest.raises(api.ClientError) as raised:
        list(islice(client.accounts(), 1))
    told = everything(raised.value) + "".join(traceback.format_exception(raised.value))
    told += everything(client) + caplog.text + "".join(map(everything, caplog.records))
    for secret in (PASSWORD, ACCESS, REFRESH):
        assert secret not in told
    with pytest.raises(TypeError):
        pickle.dumps(client._transport._sign_in)
