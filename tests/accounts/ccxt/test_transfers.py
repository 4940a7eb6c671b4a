"""What was put into an account and taken out, through ccxt: where an exchange lists it, and how (D3)."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from accounts.brokers.base import Access, Broker, BrokerRejected, Rejection
from accounts.brokers.by_ccxt import broker_class, declared, dialects, markets
from accounts.throttle import Unlimited
from tests.fakes.binance import Venue
from tests.fakes.bybit import running_bybit
from tests.fakes.venue import running_venue
from tradeops.core import clock

D = Decimal


def listed(broker: Broker, **ago: float) -> list[tuple[str, str, Decimal]]:
    found = broker.transfers(since=clock.now() - timedelta(**(ago or {"minutes": 5})))
    return [(one.id, one.currency, one.amount) for one in found]


def deposit(venue: Venue, number: int, status: int) -> dict[str, Any]:
    return {
        "id": str(number), "amount": "5", "coin": "USDT", "network": "ETH", "status": status, "address": "a",
        "addressTag": "", "txId": f"tx{number}", "insertTime": venue.now, "transferType": 0, "confirmTimes": "1/2",
    }  # fmt: skip


class TestBinanceSpot:
    def test_a_deposit_counts_when_it_is_credited(self, venue: Venue, spot: Broker) -> None:
        venue.deposits = [deposit(venue, 1, 0), deposit(venue, 2, 1)]  # pending, success
        assert listed(spot) == [("deposit-2", "USDT", D(5))]

    def test_a_withdrawal_counts_at_once_and_comes_back_when_it_fails(self, venue: Venue, spot: Broker) -> None:
        for number, status in ((1, 4), (2, 6), (3, 5)):  # processing, completed, failure
            venue.transfer(venue.spot, "USDT", D(-number))
            venue.withdrawals[-1] |= {"id": str(number), "status": status}
        assert sorted(listed(spot)) == [
            ("withdrawal-1", "USDT", D(-1)),
            ("withdrawal-2", "USDT", D(-2)),
            ("withdrawal-3", "USDT", D(-3)),
            ("withdrawal-3-undone", "USDT", D(3)),
        ]

    def test_transfers_to_the_owners_other_wallets(self, venue: Venue, spot: Broker) -> None:
        for number, (kind, status) in enumerate(
            [("MAIN_UMFUTURE", "CONFIRMED"), ("FUNDING_MAIN", "CONFIRMED"), ("MAIN_MARGIN", "PENDING")], start=1
        ):
            venue.moves.append(
                {"asset": "USDT", "amount": "10", "type": kind, "status": status, "tranId": number,
                 "timestamp": venue.now + number}
            )  # fmt: skip
        assert listed(spot) == [("MAIN_UMFUTURE-1", "USDT", D(-10)), ("FUNDING_MAIN-2", "USDT", D(10))]

    def test_an_older_one_is_not_listed(self, venue: Venue, spot: Broker) -> None:
        venue.deposits = [deposit(venue, 1, 1) | {"insertTime": venue.now - 3_600_000}]
        assert listed(spot) == []
        assert len(listed(spot, hours=2)) == 1


def test_of_binances_futures_wallet_only_transfers_are_asked_for(venue: Venue, swap: Broker) -> None:
    row = {"symbol": "", "incomeType": "TRANSFER", "income": "-12.5", "asset": "USDT", "time": venue.now, "tranId": 77}
    venue.funding = [row, {**row, "incomeType": "COMMISSION", "tranId": 78}]
    assert listed(swap) == [("77", "USDT", D("-12.5"))]
    [asked] = [said for _, path, said in venue.requests if path == "/fapi/v1/income"]
    assert (asked["incomeType"], asked["limit"]) == ("TRANSFER", "1000")


@pytest.mark.parametrize("market", ["spot", "swap"])
def test_bybits_log_of_the_unified_account_both_ways_and_in_full(market: str) -> None:
    markets.forget()
    with running_bybit() as venue:
        broker = broker_class("bybit")(venue.access(market))
        now = int(clock.now().timestamp() * 1000)
        for number in range(70):  # more than one answer holds
            kind, sign = (("TRANSFER_IN", 1), ("TRANSFER_OUT", -1))[number % 70 >= 60]
            venue.log.append(
                {"id": f"log-{number}", "symbol": "", "type": kind, "currency": "USDT", "change": str(sign * number),
                 "cashBalance": "1000", "fee": "0", "transactionTime": str(now - 200_000 + number * 2_000)}
            )  # fmt: skip
        venue.log.append({**venue.log[0], "id": "log-t", "type": "TRADE"})
        found = listed(broker)
        assert [amount for _, _, amount in found] == [D(number) if number < 60 else D(-number) for number in range(70)]
        assert [name for name, _, _ in found] == [f"log-{number}" for number in range(70)]


@pytest.mark.parametrize("market", ["spot", "swap"])
def test_okxs_bills_page_by_page(market: str) -> None:
    markets.forget()
    with running_venue() as venue:
        broker = broker_class("okx")(
            Access(
                account_id=1, slug="okx-1", broker="okx", market=market, throttle=Unlimited(), sandbox=True,
                base_url=venue.url, credentials=venue.credentials,
            )
        )  # fmt: skip
        for amount in range(1, 103):
            venue.deposit("USDT", str(-amount))
        venue.fund("BTC-USDT-SWAP", "-3")
        assert [amount for _, _, amount in listed(broker)] == [D(-amount) for amount in range(1, 103)]


class TestDeclared:
    """What ccxt's `has` says, and what an exchange's market lacks is refused by name before any call."""

    @pytest.mark.parametrize(
        ("name", "market", "expected"),
        [
            ("binance", "spot", True), ("binance", "swap", True), ("bybit", "swap", True), ("okx", "spot", True),
            ("whitebit", "spot", True), ("kucoin", "spot", True), ("bingx", "swap", False),
            ("onetrading", "spot", False),
        ],
    )  # fmt: skip
    def test_which(self, name: str, market: str, expected: bool) -> None:
        assert declared.transfers(name, market, dialects.of(name)) is expected

    def test_what_is_not_listed_is_refused(self) -> None:
        broker = broker_class("bingx")(
            Access(account_id=1, slug="b", broker="bingx", market="swap", throttle=Unlimited(), credentials={})
        )
        with pytest.raises(BrokerRejected, match="does not list what was put into") as error:
            broker.transfers(since=clock.now())
        assert error.value.code == Rejection.UNSUPPORTED
