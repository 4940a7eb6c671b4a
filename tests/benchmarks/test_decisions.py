"""The benchmark of decisions: its past hangs together, and after it every rule still has something to compare."""

import json

import pytest

from benchmarks import databases, targets
from benchmarks.decisions import cost, past
from benchmarks.decisions.cost import BIG, SMALL, Result, Series, Worker
from benchmarks.decisions.setting import HELD, SLUGS, SYMBOLS, configuration
from benchmarks.processes import Processes

SIGNALS, TRADES = 2000, 200
PLAIN = ("kill_switch", "halted", "account", "maintenance", "stale", "price", "netting")  # rules without a limit


@pytest.mark.processes
@pytest.mark.timeout(600)
def test_it_decides_before_and_after_a_seeded_past(tmp_path):
    with databases.scratch(tmp_path, "decisions") as url, Processes(tmp_path) as processes:
        portal = targets.set_up_portal(processes, tmp_path / "data", url, configuration())

        def count(table, where="1 = 1"):
            return databases.number(url, f"SELECT count(*) FROM {table} WHERE {where}")

        def of(slug):
            return f"strategy_id = (SELECT id FROM signals_strategy WHERE slug = '{slug}')"

        with Worker(portal.env, processes.log("first")) as worker:
            for accounts, slug in SLUGS.items():
                answer = worker.ask(strategy=slug, rounds=1, hold=True)
                assert (len(answer["entries"]), len(answer["exits"])) == (len(SYMBOLS), len(SYMBOLS))
                assert all(routing > 0 and deciding > 0 for routing, deciding in answer["entries"] + answer["exits"])
                assert count("signals_position", f"is_open AND {of(slug)}") == accounts * len(HELD)
        before = {table: count(table) for table in ("signals_signal", "signals_order", "signals_fill")}

        past.seed(url, signals=SIGNALS)

        assert count("signals_signal") == before["signals_signal"] + SIGNALS
        assert count("signals_order") == before["signals_order"] + 2 * TRADES
        assert count("signals_fill") == before["signals_fill"] + 2 * TRADES
        order = "signals_order o JOIN signals_decision d ON d.id = o.decision_id JOIN signals_signal s"
        order += " ON s.id = o.signal_id AND d.signal_id = s.id AND s.public_id = o.origin_id"
        approved = "d.outcome = 'APPROVED' AND s.status = 'APPROVED'"
        assert count(order, approved) == before["signals_order"] + 2 * TRADES
        trips = "signals_roundtrip r JOIN signals_signal s ON s.id = r.opened_by_id"
        assert count(trips, "r.closed_at > r.opened_at") >= TRADES
        assert count("signals_workitem", "state <> 'done'") == 0

        with Worker(portal.env, processes.log("second")) as worker:
            answer = worker.ask(strategy="four", rounds=1, statements=True)
        assert len(answer["entries"]) == len(SYMBOLS)
        assert answer["statements"] > 10
        newest = "SELECT rules FROM signals_decision WHERE intent = 'open' ORDER BY id DESC LIMIT 1"
        [(rules,)] = databases.read(url, newest)
        found = json.loads(rules) if isinstance(rules, str) else rules
        assert {rule["verdict"] for rule in found} == {"PASS"}
        assert [rule["rule"] for rule in found if rule["limit"] is None and rule["rule"] not in PLAIN] == []


def test_the_table_says_which_mark_is_missed_and_the_ratio_of_each():
    def series(ms):
        return Series(entries=[ms, ms], routing=[0.5], exits=[1.0], all_entries=[ms], statements=25)

    small = {1: series(2.0), 4: series(6.0), 10: series(12.0)}
    big = {1: series(3.0), 4: series(6.6), 10: series(12.0)}
    said = cost.lines(Result(1_000_000, {SMALL: small, BIG: big}))
    assert (
        "| past: 1,000,000 signals, 100,000 trades | 4 | 6.60; 6.60–6.60; 6.60 | 0.50 | **1.65** | 1.00 | 25 |" in said
    )
    assert "1.50 (1), 1.10 (4), 1.00 (10)" in said[-1]
    assert "the mark of 2.5 ms is missed with 1 accounts" in said[-1]
