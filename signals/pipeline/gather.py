"""All that a decision needs and that may take time, read before its transaction: quotes and balances."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from accounts.brokers import registry
from accounts.brokers.base import BrokerError, Instrument, Quote
from accounts.models import Account
from relay.models import Endpoint
from signals.engines.base import Opinion, engine
from signals.market.base import NoPrice, price_source, source_name
from signals.models import Signal, Strategy, WorkItem
from signals.receive import Alert
from signals.strategies import symbols
from signals.strategies.symbols import Mapped
from tradeops.core import configuration
from tradeops.core.errors import ConfigurationError
from tradeops.core.money import ZERO


@dataclass(frozen=True, kw_only=True)
class Outlook:
    """One account as the venue shows it now; `problem` says what could not be read."""

    account: Account
    quote: Quote | None = None
    quote_problem: str = ""
    instrument: Instrument | None = None
    free_base: Decimal = ZERO
    problem: str = ""


@dataclass(frozen=True, kw_only=True)
class Case:
    """One work item with everything around it."""

    item: WorkItem
    signal: Signal
    strategy: Strategy
    alert: Alert
    mapped: Mapped | None
    opinion: Opinion
    outlooks: list[Outlook] = field(default_factory=list)
    endpoints: list[Endpoint] = field(default_factory=list)

    @property
    def reduces(self) -> bool:
        return self.opinion.instruction is not None and self.opinion.instruction.reduces

    @property
    def dry_run(self) -> bool:
        return self.alert.dry_run or self.strategy.mode == Strategy.Mode.DRY_RUN


def gather(item: WorkItem, *, now: datetime) -> Case:
    """May use the network; holds no lock. Raises ConfigurationError for an engine that is not installed."""
    signal = Signal.objects.get(pk=item.signal_id)
    if item.strategy_id not in _plans():
        configuration.forget()  # newer than this process's last look
    strategy, accounts, endpoints = _plans()[item.strategy_id]
    alert = Alert.from_json(signal.data)
    mapped = symbols.lookup(strategy.symbols, alert.symbol)
    opinion = engine(strategy.engine).read(alert)
    return Case(
        item=item,
        signal=signal,
        strategy=strategy,
        alert=alert,
        mapped=mapped,
        opinion=opinion,
        outlooks=[
            _look(
                _traded(account, strategy),
                sells=opinion.sells,
                strategy=strategy,
                signal=signal,
                alert=alert,
                mapped=mapped,
                now=now,
            )
            if _has_stand_in(account, strategy)
            else Outlook(account=account, problem=f"{account.slug} has no paper twin to trade in its place")
            for account in accounts
        ],
        endpoints=endpoints,
    )


def _load() -> dict[int, tuple[Strategy, list[Account], list[Endpoint]]]:
    found = {}
    for strategy in Strategy.objects.order_by("slug"):
        accounts = strategy.accounts.select_related("paper_twin").order_by("slug")
        endpoints = strategy.endpoints.defer("secret").order_by("slug")
        found[strategy.pk] = strategy, list(accounts), list(endpoints)
    return found


# Configuration, at most half a second old; what must be of this moment (kill switches, positions) is read in `decide`.
_plans = configuration.Cached(_load)


def _traded(account: Account, strategy: Strategy) -> Account:
    """In mode paper, orders go to the account's paper twin; a paper account is its own (S1)."""
    if strategy.mode != Strategy.Mode.PAPER or account.is_paper:
        return account
    return account.paper_twin


def _has_stand_in(account: Account, strategy: Strategy) -> bool:
    """False only for a real account without a twin in mode paper: it must not be touched."""
    return strategy.mode != Strategy.Mode.PAPER or account.is_paper or hasattr(account, "paper_twin")


def _look(
    account: Account,
    *,
    sells: bool,
    strategy: Strategy,
    signal: Signal,
    alert: Alert,
    mapped: Mapped | None,
    now: datetime,
) -> Outlook:
    if mapped is None:
        return Outlook(account=account)
    quote, quote_problem = None, ""
    try:
        source = price_source(source_name(strategy_prices=strategy.prices, account=account))
        quote = source.quote(
            symbol=mapped.symbol, alert=_per_base(alert, mapped), received_at=signal.received_at, now=now
        )
    except (NoPrice, ConfigurationError) as error:
        quote_problem = str(error)
    try:
        broker = registry.broker_for(account)
        instrument = broker.instrument(mapped.symbol)
        free = broker.balances().get(instrument.base, ZERO) if sells else ZERO
    except (BrokerError, ConfigurationError) as error:
        return Outlook(account=account, quote=quote, quote_problem=quote_problem, problem=str(error))
    return Outlook(account=account, quote=quote, quote_problem=quote_problem, instrument=instrument, free_base=free)


def _per_base(alert: Alert, mapped: Mapped) -> Alert:
    """The sender's price is per its own unit; ours are per base unit."""
    if mapped.multiplier == 1 or alert.price is None:
        return alert
    return Alert.from_json({**alert.to_json(), "price": str(alert.price / mapped.multiplier)})
