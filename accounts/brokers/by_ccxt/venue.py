"""One account's way to ask its exchange: each question is counted, judged, and signed anew if the clock was off."""

from __future__ import annotations

import decimal
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeVar

from accounts.brokers.base import Access, BrokerError, BrokerRejected, BrokerTemporary, Instrument, Rejection

from . import dialects, errors, markets
from .connect import connect
from .reports import Units
from .wire import Call, Wire

Answer = TypeVar("Answer")
_CLOCK_SECONDS = 30


class Venue:
    """Shared by threads. `exchange` is ccxt's, and used inside `ask` only."""

    def __init__(self, access: Access) -> None:
        self.access = access
        self.name = access.broker
        self.dialect = dialects.of(access.broker)
        self._wire = Wire(access.throttle)
        self.exchange: Any = connect(access, self.dialect, self._wire)
        self._secrets = tuple(access.credentials.values())
        self._measured_at = float("-inf")
        self._measuring = threading.Lock()
        self._instruments: dict[str, tuple[object, Instrument]] = {}

    def ask(self, question: Callable[[], Answer], *keys: str) -> tuple[Answer, Call]:
        """The answer, and the call as it went. Raises BrokerTemporary, BrokerRejected or BrokerUnknown."""
        return self.send(question, Call(keys))

    def read(self, question: Callable[[], Answer], *keys: str) -> Answer:
        return self.ask(question, *keys)[0]

    def send(self, question: Callable[[], Answer], call: Call) -> tuple[Answer, Call]:
        """As `ask`, for a call that carries an order. A refusal for the clock is final only once it was measured."""
        try:
            return self._once(question, replace(call))
        except BrokerRejected as error:
            if error.code != Rejection.CLOCK or not self._measure():
                raise
        return self._once(question, replace(call))

    def _once(self, question: Callable[[], Answer], call: Call) -> tuple[Answer, Call]:
        # ccxt changes the rounding and the traps of the thread's decimal context.
        with self._wire.call(call), decimal.localcontext():
            try:
                return question(), call
            except Exception as error:
                found = errors.judged(error, call, dialect=self.dialect, secrets=self._secrets)
                if isinstance(found, BrokerTemporary) and call.status in (418, 429):
                    self._wire.hold(found.retry_after)
                if found is error:
                    raise
                raise found from None

    def raw(self, call: Call) -> str:
        return errors.redacted(call.body, self._secrets)

    def _measure(self) -> bool:
        """Measures the venue's clock, unless it was just done. False = nothing new is known of it."""
        with self._measuring:
            if time.monotonic() - self._measured_at < _CLOCK_SECONDS or not self.exchange.has.get("fetchTime"):
                return False
            try:
                self._once(self.exchange.load_time_difference, Call(("call:time",)))
            except BrokerError:
                return False
            self._measured_at = time.monotonic()
            return True

    def load(self) -> None:
        """Sees to it that the markets are known."""
        self.read(lambda: markets.ensure(self.exchange, self.access), "instruments")

    def market(self, symbol: str) -> dict[str, Any]:
        """Loads the markets if need be. Raises BrokerRejected(`unknown_instrument`)."""
        self.load()
        return markets.market(self.exchange, self.access, symbol)

    def instrument(self, symbol: str) -> Instrument:
        return self._rules(self.market(symbol))

    def units(self, symbol: str) -> Units:
        """Of what is told of orders and trades, in a halted market too. Raises as `market`."""
        self.load()
        found = markets.listed(self.exchange, self.access, symbol)
        return Units(contract=self._rules(found).contract, id_form=self.dialect.id_form)

    def lists(self, symbol: object) -> bool:
        """Whether it is a symbol of the account's market, halted or not: of others nothing is told."""
        self.load()
        try:
            markets.listed(self.exchange, self.access, str(symbol))
        except BrokerRejected:
            return False
        return True

    def _rules(self, found: dict[str, Any]) -> Instrument:
        known = self._instruments.get(found["symbol"])
        loaded = self.exchange.markets
        if known is None or known[0] is not loaded:
            known = (loaded, markets.instrument(found, self.exchange.precisionMode, self.dialect))
            self._instruments[found["symbol"]] = known
        return known[1]
