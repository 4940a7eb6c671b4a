"""What rests at OKX, plain and algo orders, and ending it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from accounts.brokers.base import Access, BrokerRejected, OrderReport

from . import errors, paging, reports
from .client import Client, Item
from .instruments import Instruments, Traded, is_of
from .lookup import Lookup, triggered

# «Get algo order list» takes one type at a time, but for these two together.
ALGO_TYPES = ("conditional,oco", "trigger", "move_order_stop")
OTHER_ALGO_TYPES = ("iceberg", "twap", "chase")  # never ours; a person may have placed them
BATCH = 20  # cancel-batch-orders
ALGO_BATCH = 10  # cancel-algos


class OpenOrders:
    def __init__(self, client: Client, access: Access, instruments: Instruments, lookup: Lookup) -> None:
        self._client = client
        self._access = access
        self._instruments = instruments
        self._lookup = lookup

    def listed(self, symbol: str) -> tuple[OrderReport, ...]:
        found = []
        for row in self._rows(symbol):
            traded = self._instruments.by_id(str(row["instId"]))
            if traded is not None:
                found.append(reports.order(row, traded, fills=None, raw=""))
        for row in self._algo_rows(symbol, ALGO_TYPES):
            traded = self._instruments.by_id(str(row["instId"]))
            if traded is not None:
                found.append(reports.algo(row, traded, children=(), raw=""))
        return tuple(found)

    def _rows(self, symbol: str) -> Iterator[Item]:
        rows = paging.rows(self._client, "/trade/orders-pending", self._filter(symbol), "pending", by="ordId")
        return filter(self._ours, rows)

    def _algo_rows(self, symbol: str, types: tuple[str, ...]) -> Iterator[Item]:
        for kind in types:
            params = {"ordType": kind, **self._filter(symbol)}
            rows = paging.rows(self._client, "/trade/orders-algo-pending", params, "algo_state", by="algoId")
            yield from filter(self._ours, rows)

    def _ours(self, row: Item) -> bool:
        return is_of(str(row["instId"]), self._access.market)

    def _filter(self, symbol: str) -> dict[str, str]:
        return {"instId": self._instruments.get(symbol).inst_id} if symbol else {}

    def cancel(self, client_order_id: str, traded: Traded) -> OrderReport | None:
        """Cancels by our id, then tells how the order is; None where OKX knows no such order."""
        body = {"instId": traded.inst_id, "clOrdId": client_order_id}
        if not self._cancelled("/trade/cancel-order", body, f"cancel:{traded.inst_id}"):
            self._cancel_algo(client_order_id)
        return self._lookup.find(client_order_id, traded)

    def _cancel_algo(self, client_order_id: str) -> None:
        """The id is no resting order's: an algo order may have it, or have triggered one that rests now."""
        answer = self._lookup.algo(client_order_id=client_order_id)
        if answer is None:
            return
        row = answer.first()
        inst = str(row["instId"])
        if row.get("state") in reports.RESTING_ALGO:
            self._cancelled("/trade/cancel-algos", [{"instId": inst, "algoId": row["algoId"]}], "cancel_algos")
        for order_id in triggered(row):
            self._cancelled("/trade/cancel-order", {"instId": inst, "ordId": order_id}, f"cancel:{inst}")

    def _cancelled(self, path: str, body: Item | list[Item], key: str) -> bool:
        """False where there is nothing of that name to cancel (any more)."""
        try:
            self._client.write(path, body, key)
        except BrokerRejected as error:
            if error.venue_code in errors.NOT_THERE:
                return False
            raise
        return True

    def cancel_all(self, symbol: str) -> int:
        plain = [{"instId": row["instId"], "ordId": row["ordId"]} for row in self._rows(symbol)]
        done = self._in_batches(plain, BATCH, self._cancel_batch)
        algos = self._algo_rows(symbol, ALGO_TYPES + OTHER_ALGO_TYPES)
        triggers = [{"instId": row["instId"], "algoId": row["algoId"]} for row in algos]
        return done + self._in_batches(triggers, ALGO_BATCH, self._cancel_algos)

    def _in_batches(self, items: list[Item], size: int, send: Callable[[list[Item]], list[Item]]) -> int:
        done = 0
        for start in range(0, len(items), size):
            answers = send(items[start : start + size])
            done += sum(1 for answer in answers if str(answer.get("sCode") or "0") == "0")
        return done

    def _cancel_batch(self, items: list[Item]) -> list[Item]:
        keys = sorted({f"cancel:{item['instId']}" for item in items})
        return self._client.write("/trade/cancel-batch-orders", items, *keys, single=False).data

    def _cancel_algos(self, items: list[Item]) -> list[Item]:
        return self._client.write("/trade/cancel-algos", items, "cancel_algos", single=False).data
