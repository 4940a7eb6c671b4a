"""I11: every refusal is logged, a flood is counted, and no secret is written."""

import time

import pytest
from django.db import DatabaseError, connection

from signals.intake import request_log
from signals.models import RefusedAttempt
from tests.intake.conftest import ALERT, Portal, refusals
from tradeops.core import clock


def test_a_row_says_who_when_what_and_why(portal):
    portal.source("tv")
    sent = portal.send("tv", {**ALERT, "price": "x"})
    [row] = refusals()
    assert (row.address, row.source_slug, row.outcome, row.times) == ("203.0.113.9", "tv", 400, 1)
    assert (row.reason, row.detail) == ("invalid_payload", "price: must be a number")
    assert row.request_id == sent.headers["X-Request-ID"]
    assert row.size == 72
    assert abs((clock.now() - row.at).total_seconds()) < 5
    assert row.ms < 2000


def test_equal_refusals_are_one_row_with_a_count_and_the_firsts_id(portal):
    portal.source("tv", rate_limit=0)
    first = portal.send("tv", "{")
    for _ in range(4):
        portal.send("tv", "[")
    portal.send("tv", "{", address="203.0.113.10")
    assert [(row.address, row.times) for row in refusals()] == [("203.0.113.9", 5), ("203.0.113.10", 1)]
    assert RefusedAttempt.objects.order_by("pk").first().request_id == first.body["request_id"]


def test_the_token_is_in_no_column(portal):
    portal.source("tv")
    token = portal.secret["tv"]
    wrong = "wrong-wrong-wrong"
    posts = [
        (f"/webhook/tv/{token}", "{"),
        (f"/webhook/tv/{wrong}", ALERT),
        (f"/webhook/{token}", ALERT),  # in the place of the slug
        ("/webhook", '{"token":"TOKEN","TOKEN":1,"TOKEN":2}'.replace("TOKEN", token)),
        ("/webhook", {**ALERT, "token": token, "price": token}),
    ]
    for number, (path, body) in enumerate(posts):
        portal.post(path, body, address=f"203.0.113.{number}")
    rows = refusals()
    assert len(rows) == 5
    written = str([vars(row) for row in rows])
    assert token not in written
    assert wrong not in written
    assert {row.path for row in rows} == {"/webhook/tv/…", "/webhook/…", "/webhook"}


def test_a_flood_of_addresses_is_counted_in_bounded_memory(portal):
    portal.source("tv")
    for number in range(700):
        portal.post("/webhook", ALERT, address=f"198.18.{number // 250}.{number % 250}")
    rows = refusals()
    assert len(rows) == request_log.MAX_ENTRIES + 1
    assert sum(row.times for row in rows) == 700
    assert [row.times for row in rows if row.address is None] == [700 - request_log.MAX_ENTRIES]


def test_a_limited_flush_writes_known_sources_first_and_goes_on_counting_the_rest(portal):
    portal.source("tv")
    for _ in range(3):
        portal.post("/webhook", ALERT)
    portal.send("tv", "{")
    request_log.flush(limit=1)
    assert RefusedAttempt.objects.get().source_slug == "tv"
    portal.post("/webhook", ALERT)
    assert [(row.source_slug, row.times) for row in refusals()] == [("tv", 1), ("", 4)]


def test_what_cannot_be_written_waits(portal):
    portal.post("/webhook", ALERT)

    def broken(*_args):
        raise DatabaseError("gone")

    with connection.execute_wrapper(broken):
        request_log.flush()
    assert RefusedAttempt.objects.count() == 0
    portal.post("/webhook", ALERT)
    [row] = refusals()
    assert row.times == 2


def test_the_country_is_the_registrys_and_nobody_chooses_it(portal):
    portal.source("tv")
    portal.post("/webhook", ALERT, address="8.8.8.8")
    portal.post("/webhook", ALERT, address="203.0.113.9", cf_ipcountry="DE")
    assert [(row.address, row.country) for row in refusals()] == [("8.8.8.8", "US"), ("203.0.113.9", "")]


def test_behind_a_trusted_proxy_it_is_cloudflares_word(portal, settings):
    settings.TRUSTED_PROXIES = ("10.0.0.0/8",)
    headers = {"cf_connecting_ip": "203.0.113.9", "cf_ipcountry": "DE"}
    portal.post("/webhook", ALERT, address="10.0.0.1", **headers)
    assert [(row.address, row.country) for row in refusals()] == [("203.0.113.9", "DE")]


@pytest.mark.django_db(transaction=True)
def test_the_writer_thread_writes_by_itself(settings):
    settings.REQUEST_LOG_WRITER = True
    Portal().post("/webhook", ALERT)
    deadline = time.monotonic() + 5
    while not RefusedAttempt.objects.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert RefusedAttempt.objects.get().reason == "no_credential"
