"""Signed requests as an OKX client makes them, by hand: nothing of the adapter's is used."""

from __future__ import annotations

import http.client
import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode, urlsplit

from accounts.demo.access import sign
from tests.fakes.venue import RunningVenue

SPOT = {"instId": "BTC-USDT", "tdMode": "cash", "side": "buy", "ordType": "market", "sz": "0.01", "tgtCcy": "base_ccy"}
SWAP = {"instId": "BTC-USDT-SWAP", "tdMode": "cross", "side": "buy", "ordType": "market", "sz": "1"}


@dataclass
class Asking:
    """`headers` override or, where None, leave out; `seconds` is how wrong our clock is."""

    venue: RunningVenue
    account: int = 0
    timeout: float = 5

    def send(
        self, method: str, path: str, body: str = "", *, seconds: float = 0, **headers: str | None
    ) -> tuple[int, Any]:
        known = self.venue.accounts[self.account]
        at = datetime.now(UTC) + timedelta(seconds=seconds)
        stamp = at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        usual = {
            "OK-ACCESS-KEY": known["api_key"],
            "OK-ACCESS-TIMESTAMP": stamp,
            "OK-ACCESS-SIGN": sign(known["secret"], timestamp=stamp, method=method, path=path, body=body),
            "OK-ACCESS-PASSPHRASE": known["passphrase"],
            "x-simulated-trading": "1",
            "Content-Type": "application/json",
        }
        given = {name: value for name, value in {**usual, **headers}.items() if value is not None}
        connection = http.client.HTTPConnection(urlsplit(self.venue.url).netloc, timeout=self.timeout)
        try:
            connection.request(method, path, body or None, given)
            answer = connection.getresponse()
            text = answer.read()
            self.answered = dict(answer.getheaders())
            return answer.status, json.loads(text) if answer.headers.get_content_type() == "application/json" else text
        finally:
            connection.close()

    def get(self, path: str, **query: str) -> list[dict[str, Any]]:
        """The data of an answer that must be good."""
        status, said = self.send("GET", f"/api/v5/{path}" + (f"?{urlencode(query)}" if query else ""))
        assert (status, said["code"]) == (200, "0"), said
        return said["data"]

    def post(self, path: str, body: Any, **headers: str) -> dict[str, Any]:
        """The answer, whatever it says."""
        return self.send("POST", f"/api/v5/{path}", json.dumps(body), **headers)[1]

    def order(self, asked: dict[str, Any], **headers: str) -> tuple[str, str]:
        """(ordId, code): the item's code where there is one, else the request's."""
        said = self.post("trade/order", asked, **headers)
        row = said["data"][0] if said["data"] else {"ordId": "", "sCode": said["code"]}
        return row["ordId"], row["sCode"]

    def placed(self, asked: dict[str, Any], **fields: Any) -> dict[str, Any]:
        """An order that must be accepted, as GET order shows it."""
        asked = {**asked, **fields}
        number, code = self.order(asked)
        assert code == "0", code
        return self.get("trade/order", instId=asked["instId"], ordId=number)[0]
