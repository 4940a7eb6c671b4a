"""/api/v1/events followed by `after`: each once, in order, none left out, and only what the person may see."""

from __future__ import annotations

import pytest

from relay.feed import cursor
from relay.models import Message
from tests.factories import NOW


def message(**fields) -> int:
    given = {"event": "order.filled", "level": "info", "title": "told", "created_at": NOW, **fields}
    return Message.objects.create(**given).pk


def follow(client, after, **query):
    answer = client.get("/api/v1/events", {"after": after, **query})
    assert answer.status_code == 200, answer.content
    return answer.json()


def test_what_comes_after_an_id_oldest_first(boss, home):
    start = boss.get("/api/v1/events").json()["cursor"]
    assert start == Message.objects.latest("pk").pk
    assert follow(boss, start) == {"results": [], "next": None, "previous": None, "cursor": start}
    ids = [message(), message(level="error", account="paper-1", body={"quantity": "0.01"})]
    page = follow(boss, start)
    assert [row["id"] for row in page["results"]] == ids
    assert page["cursor"] == ids[-1]
    assert page["results"][1] == {
        "id": ids[1], "event": "order.filled", "level": "error", "title": "told", "at": "2026-03-02T14:30:00.000Z",
        "signal": "", "strategy": "", "account": "paper-1", "symbol": "", "request_id": "",
        "body": {"quantity": "0.01"},
    }  # fmt: skip
    assert follow(boss, ids[0])["results"] == page["results"][1:]


def test_pages_are_followed_by_the_cursor_without_loss_or_repeat(boss, home):
    start = Message.objects.latest("pk").pk
    ids = [message() for _ in range(5)]
    page, seen = follow(boss, start, limit=2), []
    while True:
        seen.append([row["id"] for row in page["results"]])
        if page["next"] is None:
            break
        page = boss.get(page["next"]).json()
    assert seen == [ids[:2], ids[2:4], ids[4:]]
    assert page["cursor"] == ids[-1]


def test_zero_is_the_oldest_that_is_kept(boss, home):
    kept = sorted(Message.objects.values_list("pk", flat=True))
    assert [row["id"] for row in follow(boss, 0)["results"]] == kept


def test_a_person_sees_their_own_and_the_cursor_passes_the_others(of_house, home):
    start = Message.objects.latest("pk").pk
    theirs = [message(account="paper-2"), message(event="process.ended", title="nobody's")]
    page = follow(of_house, start)
    assert (page["results"], page["cursor"]) == ([], theirs[-1])
    mine = [message(account="paper-1"), message(strategy="trend", account="")]
    message(account="paper-2")
    page = follow(of_house, page["cursor"])
    assert [row["id"] for row in page["results"]] == mine
    assert of_house.get(f"/api/v1/events/{theirs[0]}").status_code == 404
    assert of_house.get(f"/api/v1/events/{mine[0]}").json()["account"] == "paper-1"


def test_one_who_sees_few_is_led_through_many_in_windows(of_house, home, monkeypatch):
    monkeypatch.setattr(cursor, "WINDOW", 3)
    start = Message.objects.latest("pk").pk
    for _ in range(7):
        message(account="paper-2")
    mine = message(account="paper-1")
    steps, page = 0, follow(of_house, start)
    while not page["results"]:
        assert page["next"] is not None
        page, steps = follow(of_house, page["cursor"]), steps + 1
    assert ([row["id"] for row in page["results"]], steps, page["next"]) == ([mine], 2, None)


def test_nothing_new_is_a_304(boss, home, django_assert_max_num_queries):
    start = Message.objects.latest("pk").pk
    first = boss.get("/api/v1/events", {"after": start})
    with django_assert_max_num_queries(3):  # configuration, person, and what is settled
        again = boss.get("/api/v1/events", {"after": start}, headers={"If-None-Match": first["ETag"]})
    assert (again.status_code, again.content, again["ETag"]) == (304, b"", first["ETag"])
    new = message()
    answer = boss.get("/api/v1/events", {"after": start}, headers={"If-None-Match": first["ETag"]})
    assert (answer.status_code, [row["id"] for row in answer.json()["results"]]) == (200, [new])


def test_filters_hold_while_following(boss, home):
    start = Message.objects.latest("pk").pk
    message(event="signal.approved")
    wanted = message(event="order.rejected", account="paper-1")
    last = message(event="order.filled", account="paper-2")
    page = follow(boss, start, event="order.*", account="paper-1")
    assert ([row["id"] for row in page["results"]], page["cursor"]) == ([wanted], last)


def test_a_place_that_is_not_kept_any_more_is_said_to_be_gone(boss):
    ids = [message() for _ in range(5)]
    Message.objects.filter(pk__in=ids[:3]).delete()
    answer = boss.get("/api/v1/events", {"after": ids[0]})
    assert (answer.status_code, answer.json()["error"]["code"]) == (410, "events_gone")
    assert f"Events from {ids[0] + 1} to {ids[2]} are not kept any more" in answer.json()["error"]["message"]
    for place in (ids[2], 0):  # the last one that is gone: nothing after it is missing
        assert [row["id"] for row in follow(boss, place)["results"]] == ids[3:]


def test_now_is_where_one_begins_who_wants_what_is_to_come(of_house, home):
    last = message(account="paper-2")
    answer = of_house.get("/api/v1/events", {"after": "now"}).json()
    assert answer == {"results": [], "next": None, "previous": None, "cursor": last}


def test_an_empty_house_has_nothing_to_tell(boss):
    assert boss.get("/api/v1/events").json()["results"] == []
    assert follow(boss, 0)["results"] == []
    last = message()
    Message.objects.all().delete()
    assert follow(boss, last)["cursor"] == last


def test_a_place_that_was_never_reached_is_gone_too(boss, home):
    last = Message.objects.latest("pk").pk
    answer = boss.get("/api/v1/events", {"after": last + 1000})
    assert (answer.status_code, answer.json()["error"]["code"]) == (410, "events_gone")


@pytest.mark.parametrize("query", [{"after": "x"}, {"after": "-1"}, {"after": 0, "limit": 501}, {"after": 9**30}])
def test_what_makes_no_sense_is_named(boss, home, query):
    answer = boss.get("/api/v1/events", query)
    assert answer.status_code == 400
    assert answer.json()["error"]["field"] in query
