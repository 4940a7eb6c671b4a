"""Finding an order at OKX by its client order id: live, as an algo order, then in the histories."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from accounts.brokers.base import BrokerError, BrokerRejected, FillReport, OrderReport

from . import errors, paging, reports
from .client import Answer, Client, Item
from .instruments import Traded, amount

# «Get transaction details (last 3 days)»; older ones are in its history.
RECENT = timedelta(days=3) - timedelta(hours=1)


class Lookup:
    def __init__(self, client: Client) -> None:
        self._client = client

    def find(self, client_order_id: str, traded: Traded) -> OrderReport | None:
        """With all of its fills; None where OKX does not know the id, neither now nor in three months of history."""
        answer = self.plain({"clOrdId": client_order_id}, traded)
        if answer is not None:
            return self.report(answer.first(), traded, raw=answer.raw)
        answer = self.algo(client_order_id=client_order_id)
        if answer is not None:
            return self.algo_report(answer.first(), traded, raw=answer.raw)
        for path, key in (("/trade/orders-history", "history"), ("/trade/orders-history-archive", "archive")):
            row = self._in_history(path, key, client_order_id, traded)
            if row is not None:
                return self.report(row, traded, raw=_text(row))
        return None

    def plain(self, by: dict[str, str], traded: Traded) -> Answer | None:
        """«Get order details» by clOrdId or ordId."""
        return self._known("/trade/order", {"instId": traded.inst_id, **by}, f"order_state:{traded.inst_id}")

    def algo(self, *, client_order_id: str = "", algo_id: str = "") -> Answer | None:
        """«Get algo order details» by our id or OKX's."""
        given = {"algoId": algo_id} if algo_id else {"algoClOrdId": client_order_id}
        return self._known("/trade/order-algo", given, "algo_state")

    def _known(self, path: str, params: dict[str, str], key: str) -> Answer | None:
        try:
            answer = self._client.read(path, params, key)
        except BrokerRejected as error:
            if error.venue_code in errors.NOT_THERE:
                return None
            raise
        return answer if answer.data else None

    def _in_history(self, path: str, key: str, client_order_id: str, traded: Traded) -> Item | None:
        """The last 100 orders of the instrument: what is asked after was sent moments ago, or is found above."""
        params = {"instType": traded.inst_type, "instId": traded.inst_id, "limit": str(paging.PAGE)}
        rows = self._client.read(path, params, key).data
        return next((row for row in rows if row.get("clOrdId") == client_order_id), None)

    def report(self, row: Item, traded: Traded, *, raw: str) -> OrderReport:
        return reports.order(row, traded, fills=self.fills(row, traded), raw=raw)

    def fills(self, row: Item, traded: Traded) -> list[FillReport]:
        """The fills of an order, as far as OKX shows them; no request where it has none or tells its only one."""
        if not amount(row.get("accFillSz")):
            return []
        only = reports.only_fill(row, traded)
        if only is not None:
            return [only]
        last = reports.moment(row["uTime"]) if row.get("uTime") else datetime.now(UTC)
        recent = datetime.now(UTC) - last < RECENT
        path, key = ("/trade/fills", "fills") if recent else ("/trade/fills-history", "fills_history")
        params = {"instId": traded.inst_id, "ordId": str(row["ordId"])}
        if not recent:
            params["instType"] = traded.inst_type
        return [reports.fill(found, traded) for found in paging.rows(self._client, path, params, key, by="billId")]

    def algo_report(self, row: Item, traded: Traded, *, raw: str) -> OrderReport:
        """An algo order with the orders that it triggered; one that is not shown yet leaves it open."""
        children = []
        for order_id in triggered(row):
            answer = self.plain({"ordId": order_id}, traded)
            if answer is not None:
                children.append(self.report(answer.first(), traded, raw=answer.raw))
        return reports.algo(row, traded, children=children, raw=raw)

    def after_sending(self, acknowledged: OrderReport, traded: Traded) -> OrderReport:
        """One look at an order that fills at once; what was acknowledged if that fails: it is asked after later."""
        try:
            answer = self.plain({"ordId": acknowledged.venue_order_id}, traded)
            return acknowledged if answer is None else self.report(answer.first(), traded, raw=answer.raw)
        except BrokerError:
            return acknowledged


def triggered(row: Item) -> list[str]:
    listed = [str(one) for one in row.get("ordIdList") or [] if one]
    return listed or ([str(row["ordId"])] if row.get("ordId") else [])


def _text(row: Item) -> str:
    return str(row)[:4000]
