"""/api/v1/: what is listed, to whom, in which words, and at what price in queries."""

from __future__ import annotations

import json

import pytest

from tests import life
from tests.factories import NOW

KEYS = {"results", "next", "previous"}
LISTS = (
    "signals", "decisions", "orders", "fills", "positions", "trades", "strategies", "endpoints", "deliveries",
    "accounts", "events",
)  # fmt: skip


def results(client, path: str, **query: str) -> list:
    answer = client.get(f"/api/v1/{path}", query)
    assert answer.status_code == 200, answer.content
    return answer.json()["results"]


@pytest.mark.parametrize("name", LISTS)
@pytest.mark.parametrize("slash", ["", "/"])
def test_every_list_answers_with_and_without_the_last_slash(boss, home, name, slash):
    answer = boss.get(f"/api/v1/{name}{slash}")
    assert answer.status_code == 200
    assert set(answer.json()) == (KEYS | {"cursor"} if name == "events" else KEYS)
    assert answer.json()["results"]


@pytest.mark.parametrize("name", LISTS)
def test_every_list_wants_a_token_and_every_method_but_reading_is_refused(client, boss, home, name):
    answer = client.get(f"/api/v1/{name}")
    assert answer.status_code == 401
    assert answer.json()["error"]["code"] == "not_authenticated"
    assert answer.json()["request_id"] == answer["X-Request-ID"]
    for method in (boss.post, boss.put, boss.patch, boss.delete):
        assert method(f"/api/v1/{name}", {}, format="json").status_code == 405


@pytest.mark.parametrize("name", LISTS)
def test_a_list_costs_the_same_for_many_rows_as_for_few(boss, home, name, django_assert_max_num_queries):
    for minute in range(32, 40):
        life.traded(home, at=NOW.replace(minute=minute))
    boss.get(f"/api/v1/{name}")  # what is cached of the configuration is read
    with django_assert_max_num_queries(7):  # configuration, person, rows, and up to four that are prefetched
        boss.get(f"/api/v1/{name}")


@pytest.mark.parametrize("name", LISTS)
def test_a_person_without_clients_sees_nothing(of_nobody, home, name):
    assert results(of_nobody, name) == []


@pytest.mark.parametrize(
    ("name", "field", "expected"),
    [
        ("accounts", "slug", {"paper-1"}),
        ("orders", "account", {"paper-1"}),
        ("fills", "account", {"paper-1"}),
        ("positions", "account", {"paper-1"}),
        ("trades", "account", {"paper-1"}),
        ("decisions", "account", {"paper-1", None}),  # None: the endpoint's
        ("endpoints", "slug", {"vps-1"}),
        ("deliveries", "strategy", {"trend"}),
        ("events", "account", {"paper-1", ""}),  # "": the strategy's
    ],
)
def test_a_person_sees_what_belongs_to_their_clients(of_house, home, name, field, expected):
    assert {row[field] for row in results(of_house, name)} == expected


def test_a_strategy_shows_only_the_accounts_that_the_person_may_see(of_house, boss, home):
    assert [row["accounts"] for row in results(of_house, "strategies")] == [["paper-1"]]
    assert [row["accounts"] for row in results(boss, "strategies")] == [["paper-1", "paper-2"]]


def test_an_id_that_is_not_the_persons_answers_as_one_that_is_not(of_house, of_nobody, home):
    theirs = home.accounts[1].orders.get()
    paths = ["accounts/paper-2", f"orders/{theirs.client_order_id}", f"fills/{theirs.fills.get().pk}"]
    for path in [*paths, "signals/no-such", "orders/no-such", "fills/99999999"]:
        answer = of_house.get(f"/api/v1/{path}")
        assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_found")
    for path in (f"signals/{home.traded.public_id}", f"signals/{home.traded.public_id}/trace", "strategies/trend"):
        assert of_nobody.get(f"/api/v1/{path}").status_code == 404
        assert of_house.get(f"/api/v1/{path}").status_code == 200


def test_a_retired_persons_token_opens_nothing(boss, home):
    from accounts.models import Operator

    Operator.objects.update(is_active=False)
    assert boss.get("/api/v1/signals").status_code == 401


def test_decimals_are_text_and_times_have_milliseconds(boss, home):
    order = results(boss, "orders", account="paper-1")[0]
    assert (order["quantity"], order["average_price"], order["price"]) == ("0.01", "50000", None)
    assert order["created_at"] == "2026-03-02T14:30:00.012Z"
    assert order["signal"] == home.traded.public_id
    assert order["steps"][0] == {"step": "created", "at": "2026-03-02T14:30:00.012Z", "detail": ""}
    signal = results(boss, "signals")[0]
    assert (signal["id"], signal["received_at"]) == (home.rejected.public_id, "2026-03-02T14:31:00.000Z")


def test_no_secret_is_in_any_answer(boss, home):
    home.source.token_digest = "d" * 64
    home.source.save()
    text = "".join(json.dumps(results(boss, name)) for name in LISTS)
    text += json.dumps(boss.get(f"/api/v1/signals/{home.traded.public_id}/trace").json())
    assert home.endpoint.secret not in text
    assert "d" * 64 not in text


@pytest.mark.parametrize(
    ("path", "query", "count"),
    [
        ("signals", {"status": "APPROVED"}, 1),
        ("signals", {"symbol": "BTCUSDT"}, 2),
        ("signals", {"symbol": "ETHUSDT"}, 0),
        ("signals", {"strategy": "trend"}, 2),
        ("signals", {"strategy": "other"}, 0),
        ("signals", {"account": "paper-2"}, 2),
        ("signals", {"source": "tv"}, 2),
        ("signals", {"source": "nobody"}, 0),
        ("signals", {"since": "2026-03-02T14:31:00Z"}, 1),
        ("signals", {"until": "2026-03-02T14:31:00Z"}, 1),
        ("orders", {"status": "FILLED", "account": "paper-1"}, 1),
        ("orders", {"status": "REJECTED"}, 0),
        ("decisions", {"status": "REJECTED", "account": "paper-1"}, 1),
        ("decisions", {"endpoint": "vps-1"}, 1),
        ("fills", {"strategy": "trend"}, 2),
        ("positions", {"open": "true", "account": "paper-2"}, 1),
        ("positions", {"open": "false"}, 0),
        ("deliveries", {"status": "DELIVERED", "endpoint": "vps-1"}, 1),
        ("deliveries", {"status": "DEAD"}, 0),
        ("accounts", {"broker": "paper"}, 2),
        ("events", {"event": "order.filled"}, 2),
        ("events", {"event": "signal.*"}, 2),
        ("events", {"event": "signal"}, 0),
        ("events", {"level": "warning", "strategy": "trend"}, 1),
        ("events", {"account": "paper-2", "symbol": "BTC/USDT"}, 1),
        ("events", {"until": "2026-03-02T14:31:00Z"}, 3),
    ],
)
def test_filters(boss, home, path, query, count):
    assert len(results(boss, path, **query)) == count


def test_a_filter_that_makes_no_sense_is_named(boss, home):
    answer = boss.get("/api/v1/signals", {"status": "MAYBE"})
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == "invalid"
    assert "status" in answer.json()["error"]["message"]


def test_pages_follow_each_other_without_loss_while_rows_arrive(boss, home):
    expected = [life.traded(home, at=NOW.replace(minute=minute)).public_id for minute in (32, 33, 34)][::-1]
    expected += [home.rejected.public_id, home.traded.public_id]
    answer = boss.get("/api/v1/signals", {"page_size": 2}).json()
    seen = [row["id"] for row in answer["results"]]
    life.traded(home, at=NOW.replace(minute=40))
    while answer["next"]:
        answer = boss.get(answer["next"]).json()
        seen += [row["id"] for row in answer["results"]]
    assert seen == expected
    assert answer["previous"]


def test_ordering_by_time_both_ways(boss, home):
    assert [row["id"] for row in results(boss, "signals", ordering="received_at")] == [
        home.traded.public_id, home.rejected.public_id,
    ]  # fmt: skip
    assert [row["id"] for row in results(boss, "signals", ordering="-received_at")] == [
        home.rejected.public_id, home.traded.public_id,
    ]  # fmt: skip


def test_the_trace_has_the_keys_that_the_schema_promises(boss, home):
    from signals.api import trace_schema

    body = boss.get(f"/api/v1/signals/{home.traded.public_id}/trace/").json()

    def check(serializer, value, where):
        assert set(value) == set(serializer.fields), where
        for name, field in serializer.fields.items():
            child = getattr(field, "child", None)
            if isinstance(child, trace_schema.serializers.Serializer):
                for item in value[name]:
                    check(child, item, f"{where}.{name}")

    check(trace_schema.TraceSerializer(), body, "trace")
    assert set(body["signal"]) == set(trace_schema.TraceSignal().fields)
