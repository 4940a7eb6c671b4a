"""A year of past by SQL alone, beside what is there: signals one after the other, each with its work item and decision;
every tenth begins a round trip, with two orders, their steps and fills, the paper venue's own books, and the days'
profits. Spread over every strategy, account and symbol that has traded already.

Copies of the oldest rows, of which only the columns that must differ are named, so the schema may change around it.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

BATCH = 50_000
YEAR_SECONDS = 365 * 24 * 3600
STEPS = ("created", "sent", "filled")
# Of ten signals the one that opens a position, and the one that closes it.
OPENS, CLOSES = 1, 6
PLACES = "bench_place"  # n, strategy_id, slug, account_id, symbol, ticker: wherever something was traded
ACCOUNT, ACCOUNTS = "(SELECT min(id) FROM accounts_account)", "(SELECT count(*) FROM accounts_account)"


@dataclass(frozen=True)
class Size:
    """How many of each; ten signals to a trade."""

    signals: int

    @property
    def trades(self) -> int:
        return self.signals // 10

    @property
    def spacing(self) -> float:
        """Seconds from one signal to the next."""
        return YEAR_SECONDS / self.signals


@dataclass(frozen=True)
class Dialect:
    """What the two databases say differently. Times are so many seconds before now."""

    before: Callable[[str], str]
    day: Callable[[str], str]
    amount: Callable[[str], str]
    name: Callable[[str, str], str]  # a prefix of four hex digits and a number: 36 characters as of a UUID

    def when(self, number: str, size: Size, *, plus: float = 0.0) -> str:
        """Of signal number 1 to `size.signals`; the newest is some minutes old."""
        return self.before(f"(({size.signals} - {number}) * {size.spacing:.6f} + 300 - {plus})")


_SQLITE = Dialect(
    before=lambda seconds: f"strftime('%Y-%m-%d %H:%M:%f', 'now', '-' || {seconds} || ' seconds')",
    day=lambda seconds: f"date('now', '-' || {seconds} || ' seconds')",
    amount=lambda text: f"'{text}'",
    name=lambda prefix, number: (
        f"printf('{prefix}%04x-%04x-7000-8000-%012x', ({number}) / 65536, ({number}) % 65536, {number})"
    ),
)
_POSTGRESQL = Dialect(
    before=lambda seconds: f"now() - {seconds} * interval '1 second'",
    day=lambda seconds: f"(now() - {seconds} * interval '1 second')::date",
    amount=lambda text: text,
    name=lambda prefix, number: (
        f"'{prefix}' || lpad(to_hex(({number}) / 65536), 4, '0') || '-' || lpad(to_hex(({number}) % 65536), 4, '0')"
        f" || '-7000-8000-' || lpad(to_hex({number}), 12, '0')"
    ),
)


@dataclass(frozen=True)
class Copies:
    """`count` copies of the oldest row of `table` that fulfils `like`. In `values`, {n} is the copy's number from 1,
    {base} the table's highest id before, and `at` the place of `place`, a number: strategy, account, symbol."""

    table: str
    count: int
    place: str
    values: Mapping[str, str]
    like: str = "1 = 1"


def tables(size: Size, of: Dialect, bases: Mapping[str, int]) -> list[Copies]:
    """In the order in which they refer to each other. `bases`: the highest id of each table before."""
    signals, trades = size.signals, size.trades
    signal, decision = f"{bases['signals_signal']} + ", f"{bases['signals_decision']} + "
    order, paper = f"{bases['signals_order']} + ", f"{bases['signals_paperorder']} + "
    at = of.when("{n}", size)
    # Orders: two to a trade, of places that go by the trade.
    trade = "(({n} + 1) / 2)"
    told = f"(({trade} - 1) * 10 + CASE WHEN {{n}} % 2 = 1 THEN {OPENS} ELSE {CLOSES} END)"  # its signal's number
    ordered = of.when(told, size, plus=0.5)
    side = "CASE WHEN {n} % 2 = 1 THEN 'buy' ELSE 'sell' END"
    intent = "CASE WHEN {n} % 2 = 1 THEN 'open' ELSE 'close' END"
    order_id = f"substr(replace({of.name('aaaa', '{n}')}, '-', ''), 1, 32)"
    traded = f"{{n}} % 10 IN ({OPENS}, {CLOSES})"
    place, of_trade = "({n} / 10)", f"({told} / 10)"
    steps = " ".join(f"WHEN {number} THEN '{step}'" for number, step in enumerate(STEPS))
    step_of = f"({{n}} - 1) / {len(STEPS)} + 1"
    stepped = f"((({step_of}) + 1) / 2 - 1) * 10 + {OPENS}"
    return [
        Copies("signals_signal", signals, place, {
            "id": signal + "{n}", "public_id": of.name("0180", "{n}"), "request_id": order_id, "received_at": at,
            "sent_at": at, "decided_at": at, "status": f"CASE WHEN {traded} THEN 'APPROVED' ELSE 'REJECTED' END",
            "symbol": "at.ticker",
        }),
        Copies("signals_workitem", signals, place, {
            "id": "{base} + {n}", "signal_id": signal + "{n}", "strategy_id": "at.strategy_id", "due_at": at,
            "lane": "at.slug || ':' || at.symbol", "state": "'done'",
        }),
        Copies("signals_decision", signals, place, {
            "id": decision + "{n}", "signal_id": signal + "{n}", "strategy_id": "at.strategy_id",
            "account_id": "at.account_id", "decided_at": at,
            "outcome": f"CASE WHEN {traded} THEN 'APPROVED' ELSE 'REJECTED' END",
            "intent": f"CASE WHEN {{n}} % 10 = {CLOSES} THEN 'close' ELSE 'open' END",
        }),
        Copies("signals_order", 2 * trades, of_trade, {
            "id": order + "{n}", "client_order_id": order_id, "origin_id": of.name("0180", told),
            "signal_id": signal + told, "decision_id": decision + told, "strategy_id": "at.strategy_id",
            "account_id": "at.account_id", "symbol": "at.symbol", "side": side, "intent": intent,
            "created_at": ordered, "sent_at": ordered, "finished_at": ordered, "expires_at": ordered, "due_at": ordered,
        }, like="status = 'FILLED'"),
        Copies("signals_orderstep", 2 * trades * len(STEPS), "1", {
            "id": "{base} + {n}", "order_id": order + step_of, "at": of.when(stepped, size, plus=0.5),
            "step": f"CASE {{n}} % {len(STEPS)} {steps} END",
        }),
        Copies("signals_fill", 2 * trades, of_trade, {
            "id": "{base} + {n}", "order_id": order + "{n}", "account_id": "at.account_id", "symbol": "at.symbol",
            "side": side, "trade_id": order_id, "at": ordered,
        }),
        Copies("signals_paperorder", 2 * trades, of_trade, {
            "id": paper + "{n}", "account_id": "at.account_id", "client_order_id": order_id, "symbol": "at.symbol",
            "side": side, "at": ordered, "updated_at": ordered,
        }, like="status = 'FILLED'"),
        Copies("signals_papertrade", 2 * trades, of_trade, {
            "id": "{base} + {n}", "order_id": paper + "{n}", "account_id": "at.account_id", "at": ordered,
        }),
        Copies("signals_roundtrip", trades, "({n} - 1)", {
            "id": "{base} + {n}", "strategy_id": "at.strategy_id", "account_id": "at.account_id", "symbol": "at.symbol",
            "opened_at": of.when(f"({{n}} * 10 - 10 + {OPENS})", size),
            "closed_at": of.when(f"({{n}} * 10 - 10 + {CLOSES})", size),
            "opened_by_id": signal + f"({{n}} * 10 - 10 + {OPENS})",
            "realised_pnl": f"CASE WHEN {{n}} % 3 = 0 THEN {of.amount('-4.2')} ELSE {of.amount('3.1')} END",
        }, like="closed_at IS NOT NULL"),
        Copies("relay_message", 2 * trades, of_trade, {
            "id": "{base} + {n}", "signal": of.name("0180", told), "created_at": ordered, "strategy": "at.slug",
            "symbol": "at.symbol",
        }),
        Copies("signals_pnlday", trades // 5, "{n}", {
            "id": "{base} + {n}", "strategy_id": "at.strategy_id", "account_id": "at.account_id", "symbol": "at.symbol",
            "day": of.day("(({n} / {places} + 1) * 86400)"),
        }),
        Copies("signals_equityday", trades // 30, "{n}", {
            "id": "{base} + {n}", "account_id": f"{ACCOUNT} + {{n}} % {ACCOUNTS}",
            "day": of.day(f"(({{n}} / {ACCOUNTS} + 1) * 86400)"),
        }),
    ]  # fmt: skip


def seed(url: str, *, signals: int) -> None:
    """To be called once, on a database in which every strategy has traded and nothing is under way."""
    connect, of = (_sqlite, _SQLITE) if url.startswith("sqlite") else (_postgresql, _POSTGRESQL)
    with connect(url) as run:
        places = _places(run)
        size = Size(signals)
        names = [one.table for one in tables(size, of, _NoBases())]
        bases = {name: int(run(f"SELECT COALESCE(MAX(id), 0) FROM {name}")[0][0]) for name in names}
        for copies in tables(size, of, bases):
            _copy(run, copies, base=bases[copies.table], places=places, sqlite=of is _SQLITE)
            if of is _POSTGRESQL:
                key = f"pg_get_serial_sequence('{copies.table}', 'id')"
                run(f"SELECT setval({key}, (SELECT MAX(id) FROM {copies.table}))")
                run(f"VACUUM ANALYZE {copies.table}")
        # They have been routed long ago.
        run("UPDATE core_cursor SET position = (SELECT MAX(id) FROM signals_signal) WHERE name = 'pipeline.route'")


class _NoBases(dict[str, int]):
    def __missing__(self, table: str) -> int:
        return 0


Run = Callable[[str], list[tuple[Any, ...]]]


def _places(run: Run) -> int:
    run(
        f"CREATE TABLE {PLACES} AS SELECT row_number() OVER (ORDER BY p.id) - 1 AS n, p.strategy_id, s.slug,"
        " p.account_id, p.symbol, replace(replace(p.symbol, '/USDT:', ''), '/', '') AS ticker"
        " FROM signals_position p JOIN signals_strategy s ON s.id = p.strategy_id"
    )
    run(f"CREATE UNIQUE INDEX {PLACES}_n ON {PLACES} (n)")
    return int(run(f"SELECT count(*) FROM {PLACES}")[0][0])


def _copy(run: Run, copies: Copies, *, base: int, places: int, sqlite: bool) -> None:
    """INSERT … SELECT from the oldest row that fits, some at a time."""
    columns = [str(name) for [name] in _columns(run, copies.table, sqlite=sqlite)]
    if missing := copies.values.keys() - set(columns):
        raise LookupError(f"{copies.table} has no column {sorted(missing)}")

    def told(text: str) -> str:
        return text.replace("{n}", "numbers.n").replace("{base}", str(base)).replace("{places}", str(places))

    values = ", ".join(told(copies.values.get(name, f'one."{name}"')) for name in columns)
    named = ", ".join(f'"{name}"' for name in columns)
    for first in range(1, copies.count + 1, BATCH):
        last = min(first + BATCH - 1, copies.count)
        series = f"generate_series({first}, {last}) AS numbers(n)"
        head = ""
        if sqlite:
            series = "numbers"
            head = (
                f"WITH RECURSIVE numbers(n) AS (SELECT {first} UNION ALL SELECT n + 1 FROM numbers WHERE n < {last}) "
            )
        run(
            f"{head}INSERT INTO {copies.table} ({named}) SELECT {values}"
            f" FROM (SELECT * FROM {copies.table} WHERE {copies.like} ORDER BY id LIMIT 1) AS one"
            f" CROSS JOIN {series} JOIN {PLACES} AS at ON at.n = {told(copies.place)} % {places}"
        )


def _columns(run: Run, table: str, *, sqlite: bool) -> list[tuple[Any, ...]]:
    if sqlite:
        return run(f"SELECT name FROM pragma_table_info('{table}')")
    return run(f"SELECT column_name FROM information_schema.columns WHERE table_name = '{table}'")


@contextlib.contextmanager
def _sqlite(url: str) -> Iterator[Run]:
    with contextlib.closing(sqlite3.connect(url.removeprefix("sqlite:///"), timeout=60)) as connection:
        # What is lost by it is a scratch file.
        connection.execute("PRAGMA synchronous=OFF")
        connection.execute("PRAGMA cache_size=-200000")

        def run(statement: str) -> list[tuple[Any, ...]]:
            with connection:
                return connection.execute(statement).fetchall()

        yield run
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


@contextlib.contextmanager
def _postgresql(url: str) -> Iterator[Run]:
    import psycopg

    with psycopg.connect(url, autocommit=True) as connection:

        def run(statement: str) -> list[tuple[Any, ...]]:
            cursor = connection.execute(statement)  # built of constants and numbers
            return cursor.fetchall() if cursor.description else []

        yield run
