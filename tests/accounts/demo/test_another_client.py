"""ccxt's own OKX client trades at the venue: so the venue is not made to the measure of our adapter.

Not asked here is what ccxt sends beyond the documentation, which OKX overlooks and the venue refuses: `tgtCcy` with
limit orders, `clOrdId` with algo orders, `lever` as a number.
"""

import ccxt
import pytest


@pytest.fixture
def client(venue):
    known = venue.credentials
    made = ccxt.okx(
        {
            "apiKey": known["api_key"],
            "secret": known["secret"],
            "password": known["passphrase"],
            "urls": {"api": {"rest": venue.url}},
            "headers": {"x-simulated-trading": "1"},
            "options": {"fetchMarkets": {"types": ["spot", "swap", "future"]}},
            "enableRateLimit": False,
        }
    )
    made.has["fetchCurrencies"] = False
    yield made
    made.session.close()


def test_markets_and_prices(client):
    markets = client.load_markets()
    assert {"BTC/USDT", "BTC/USDT:USDT", "BTC/USDT:USDT-351228"} <= set(markets)
    swap = markets["BTC/USDT:USDT"]
    assert (swap["contractSize"], swap["linear"], swap["precision"]["amount"]) == (0.01, True, 0.01)
    ticker = client.fetch_ticker("BTC/USDT")
    assert (ticker["bid"], ticker["ask"], ticker["last"]) == (49999.9, 50000.1, 50000.0)
    assert client.fetch_order_book("BTC/USDT")["asks"] == [[50000.1, 1000.0, 0]]


def test_spot(venue, client):
    bought = client.create_order("BTC/USDT", "market", "buy", 0.01)
    client.create_market_buy_order_with_cost("BTC/USDT", 100)
    client.create_order("BTC/USDT", "market", "sell", 0.005)
    found = client.fetch_order(bought["id"], "BTC/USDT")
    assert (found["status"], found["filled"], found["average"]) == ("closed", 0.01, 50000.1)
    assert (found["fee"]["cost"], found["fee"]["currency"]) == (0.00001, "BTC")
    assert [trade["amount"] for trade in client.fetch_my_trades("BTC/USDT")] == [0.01, 0.00199999, 0.005]
    assert len(client.fetch_closed_orders("BTC/USDT")) == 3
    balance = client.fetch_balance()["total"]
    assert balance["BTC"] == float(venue.ledger.balances["account-1"]["BTC"])


def test_swap(venue, client):
    exits = {"stopLoss": {"triggerPrice": 49000}, "takeProfit": {"triggerPrice": 51000}}
    client.create_order("BTC/USDT:USDT", "market", "buy", 3, None, {"tdMode": "cross", **exits})
    client.create_order("BTC/USDT:USDT", "market", "sell", 1, None, {"tdMode": "cross", "reduceOnly": True})
    [position] = client.fetch_positions()
    assert (position["side"], position["contracts"], position["entryPrice"]) == ("long", 2.0, 50000.1)
    venue.price("BTC-USDT-SWAP", "48900")
    assert client.fetch_positions() == []
    client.create_order("BTC/USDT:USDT", "market", "buy", 1, None, {"tdMode": "cross"})
    client.close_position("BTC/USDT:USDT")
    assert venue.ledger.positions == []
    assert venue.ledger.refused == []


def test_it_understands_what_the_venue_refuses(venue, client):
    with pytest.raises(ccxt.InsufficientFunds):
        client.create_order("BTC/USDT", "market", "buy", 50)
    with pytest.raises(ccxt.OrderNotFound):
        client.fetch_order("1", "BTC/USDT")
    venue.faults.next("answer", code="50011", path="GET /api/v5/account/balance")
    with pytest.raises(ccxt.RateLimitExceeded):
        client.fetch_balance()
    client.secret = "wrong"
    with pytest.raises(ccxt.AuthenticationError):
        client.fetch_balance()
    assert venue.ledger.orders == []
