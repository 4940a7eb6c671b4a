"""The other side of each broker, for the contract suite: a venue on loopback, or a database row for paper.

A new broker adds a `Remote` here: `symbol`, `quantity` in whole lots, `broker(…)`, and what the venue itself says.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from decimal import Decimal
from typing import Any, ClassVar

from accounts.brokers.base import Access, Broker, BrokerTemporary, Quote
from accounts.brokers.by_ccxt import broker_class, markets
from accounts.brokers.okx import OkxBroker
from accounts.throttle import Unlimited
from signals.models import PaperOrder, PaperTrade
from signals.paper import reset, rounds
from signals.paper.broker import PaperBroker
from tests import factories
from tests.fakes import told
from tests.fakes.alpaca import running_alpaca
from tests.fakes.binance import running_binance
from tests.fakes.venue import running_venue
from tradeops.core import clock

D = Decimal


class Counting(Unlimited):
    """A throttle that lets everything pass, and knows who asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, ...]] = []
        self.closed = False

    def wait(self, *keys: str) -> None:
        if self.closed:
            raise BrokerTemporary("no room", code="rate_limited", retry_after=7)
        self.asked.append(keys)

    def hold(self, *keys: str, seconds: float) -> None:
        pass


class Side(ABC):
    """What every side can do. Everything is asked of the venue, nothing of the broker."""

    market = "spot"
    symbol = "BTC/USDT"
    unknown_symbol = "NOPE/USDT"
    base, currency = "BTC", "USDT"
    position_side = "long"
    quantity = D("0.012")
    price = D(50000)
    network = False
    charges = True  # a fee is taken of every fill
    open_prices = True  # quotes need no key
    too_small = D("0.000000001")
    secret_names: tuple[str, ...] = ("api_key", "secret")

    def __init__(self) -> None:
        self.throttle = Counting()
        self.told = told.Shared()

    @abstractmethod
    def broker(self, **changes: Any) -> Broker:
        """As this account's settings make it."""

    @abstractmethod
    def accepted(self) -> int:
        """How many orders the venue has taken."""

    @abstractmethod
    def requests(self) -> int:
        """How many requests have reached the venue, of whatever kind."""

    @abstractmethod
    def net(self) -> Decimal:
        """Bought less sold of `symbol`, in base units, by the venue's own trades."""

    @abstractmethod
    def move(self, price: Decimal) -> None:
        """The market goes there; what it reaches fires."""

    @abstractmethod
    def put_in(self, amount: Decimal) -> None:
        """A person puts so much of `currency` into the account, or takes it out where it is negative."""

    def _access(self, broker: str, *, base_url: str = "", **changes: Any) -> Access:
        facts = {
            "account_id": 1,
            "slug": "one",
            "broker": broker,
            "market": self.market,
            "throttle": self.throttle,
            "told": self.told,
            "sandbox": broker == "okx",
            "base_url": base_url,
        }
        return Access(**{**facts, **changes})


class Remote(Side):
    """A venue across a network: answers can be lost, and people trade in its own app."""

    network = True

    @abstractmethod
    def lose(self, how: str) -> None:
        """The next order's answer: timeout, error or reset after it was taken; before: reset before; busy: 429."""

    @abstractmethod
    def by_hand(self) -> None:
        """A person buys `quantity` in the venue's own app."""

    @abstractmethod
    def blind(self) -> AbstractContextManager[None]:
        """Every question is answered with a fault meanwhile; orders are taken as ever."""


class Paper(Side):
    unknown_symbol = "NOPE/"
    secret_names = ()

    def __init__(self) -> None:
        super().__init__()
        self.account = factories.account(
            market=self.market, fee_bps=D(10), initial_balances={"USDT": "100000"}, prices="message"
        )

    def broker(self, **changes: Any) -> Broker:
        facts = {"account_id": self.account.pk, "initial_balances": {"USDT": "100000"}, "fee_bps": D(10)}
        return PaperBroker(self._access("paper", **{**facts, **changes}))

    def accepted(self) -> int:
        return PaperOrder.objects.exclude(status="REJECTED").count()

    def requests(self) -> int:
        return PaperOrder.objects.count()

    def net(self) -> Decimal:
        signed = {"buy": 1, "sell": -1}
        trades = PaperTrade.objects.select_related("order")
        return sum((row.quantity * signed[row.order.side] for row in trades), D(0))

    def move(self, price: Decimal) -> None:
        now = clock.now()
        quote = Quote(symbol=self.symbol, bid=price, ask=price, last=price, at=now, source="test")
        rounds.take(self.account, quote, now=now)

    def put_in(self, amount: Decimal) -> None:
        reset.deposit(self.account, currency=self.currency, amount=amount, now=clock.now(), by="test")


class PaperSwap(Paper):
    market, symbol, unknown_symbol = "swap", "BTC/USDT:USDT", "BTC/USDT"


class Okx(Remote):
    secret_names = ("api_key", "secret", "passphrase")
    position_mode = "net_mode"
    inst_id = "BTC-USDT"
    size = "0.012"
    faults = {
        "timeout": ("accept_then_timeout", {"seconds": 3}),
        "error": ("error_after_accept", {}),
        "reset": ("reset_after_send", {}),
        "before": ("reset_before_accept", {}),
        "busy": ("answer", {"code": "50011", "retry_after": "3"}),
    }

    def __init__(self, venue: Any) -> None:
        super().__init__()
        self.venue = venue

    def broker(self, **changes: Any) -> Broker:
        return OkxBroker(
            self._access("okx", **{"credentials": self.venue.credentials, **changes}, base_url=self.venue.url)
        )

    def accepted(self) -> int:
        return len(self.venue.ledger.orders)

    def requests(self) -> int:
        return len(self.venue.ledger.requests)

    def net(self) -> Decimal:
        return self.venue.ledger.net(self.inst_id)

    def lose(self, how: str) -> None:
        kind, facts = self.faults[how]
        self.venue.faults.next(kind, **facts)

    def move(self, price: Decimal) -> None:
        self.venue.price(self.inst_id, str(price))

    def by_hand(self) -> None:
        self.venue.trade(self.inst_id, "buy", self.size)

    @contextmanager
    def blind(self) -> Iterator[None]:
        self.venue.faults.next("error_before_accept", path="GET /api/v5/", times=1000)
        yield
        self.venue.faults.clear()

    def put_in(self, amount: Decimal) -> None:
        self.venue.deposit(self.currency, str(amount))


class OkxSwap(Okx):
    market, symbol, inst_id, size = "swap", "BTC/USDT:USDT", "BTC-USDT-SWAP", "1.2"
    unknown_symbol = "NOPE/USDT:USDT"
    too_small = D("0.00001")


class OkxHedge(OkxSwap):
    position_mode = "long_short_mode"

    def by_hand(self) -> None:
        self.venue.trade(self.inst_id, "buy", self.size, pos_side="long")


class Binance(Remote):
    faults = {
        "timeout": "accept_then_silence",
        "error": "accept_then_503",
        "reset": "accept_then_reset",
        "before": "reset_before",
        "busy": "busy",
    }

    def __init__(self, venue: Any) -> None:
        super().__init__()
        markets.forget()
        self.venue = venue

    @property
    def _book(self) -> Any:
        return self.venue.spot if self.market == "spot" else self.venue.swap

    def broker(self, **changes: Any) -> Broker:
        return broker_class("binance")(
            self._access("binance", **{"credentials": self.venue.credentials, **changes}, base_url=self.venue.url)
        )

    def accepted(self) -> int:
        return len(self.venue.orders())

    def requests(self) -> int:
        return len(self.venue.requests)

    def net(self) -> Decimal:
        signed = {"BUY": 1, "SELL": -1}
        return sum((one.quantity * signed[one.order.side] for one in self._book.trades), D(0))

    def lose(self, how: str) -> None:
        self.venue.fault(self.faults[how])

    def move(self, price: Decimal) -> None:
        book = self._book
        book.prices["BTCUSDT"] = (price - D("0.1"), price + D("0.1"))
        for order in [one for one in book.orders if one.open]:
            buys = order.side == "BUY"
            if order.stop and (price >= order.stop if buys else price <= order.stop):
                book.trigger(order, price, self.venue.now)
            elif order.price and not order.stop and (price <= order.price if buys else price >= order.price):
                book.fill(order, order.quantity - order.filled, order.price, self.venue.now)

    def by_hand(self) -> None:
        said = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "0.012", "newClientOrderId": "web_1"}
        self._book.place(said, self.venue.now)

    @contextmanager
    def blind(self) -> Iterator[None]:
        self.venue.blind = True
        yield
        self.venue.blind = False

    def put_in(self, amount: Decimal) -> None:
        self.venue.transfer(self._book, self.currency, amount)


class BinanceSwap(Binance):
    market, symbol, unknown_symbol = "swap", "BTC/USDT:USDT", "NOPE/USDT:USDT"
    too_small = D("0.0001")


class Alpaca(Remote):
    symbol, unknown_symbol, base, currency = "AAPL", "NOPE", "AAPL", "USD"
    quantity, price, too_small = D(3), D(200), D("0.0000000001")
    charges = open_prices = False
    faults: ClassVar[dict[str, str]] = {**Binance.faults, "error": "accept_then_504"}

    def __init__(self, venue: Any) -> None:
        super().__init__()
        self.venue = venue
        venue.cash = D(8000)

    def broker(self, **changes: Any) -> Broker:
        from accounts.brokers.alpaca import AlpacaBroker

        facts = {"credentials": self.venue.credentials, **changes}
        return AlpacaBroker(self._access("alpaca", **facts, base_url=self.venue.url))

    def accepted(self) -> int:
        return len(self.venue.orders)

    def requests(self) -> int:
        return len(self.venue.requests)

    def net(self) -> Decimal:
        signed = {"buy": 1, "sell": -1}
        return sum((D(one["qty"]) * signed[one["side"]] for one in self.venue.fills), D(0))

    def lose(self, how: str) -> None:
        self.venue.fault(self.faults[how])

    def move(self, price: Decimal) -> None:
        self.venue.move(self.symbol, price)

    def by_hand(self) -> None:
        said = {"symbol": self.symbol, "side": "buy", "type": "market", "time_in_force": "day", "qty": "3"}
        self.venue.place({**said, "client_order_id": "by-hand"})

    @contextmanager
    def blind(self) -> Iterator[None]:
        self.venue.blind = True
        yield
        self.venue.blind = False

    def put_in(self, amount: Decimal) -> None:
        self.venue.transfer("CSD" if amount > 0 else "CSW", str(amount), day=f"{clock.now():%Y-%m-%d}")


@contextmanager
def running(side: type[Side]) -> Iterator[Side]:
    if issubclass(side, Okx):
        with running_venue(position_mode=side.position_mode) as venue:
            yield side(venue)
    elif issubclass(side, Binance):
        with running_binance() as venue:
            yield side(venue)
    elif issubclass(side, Alpaca):
        with running_alpaca() as venue:
            yield side(venue)
    else:
        yield side()


SIDES: tuple[type[Side], ...] = (Paper, PaperSwap, Okx, OkxSwap, OkxHedge, Binance, BinanceSwap, Alpaca)
