"""All that a decision needs and that may take time, read before its transaction: quotes and balances."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from accounts.brokers import registry
from accounts.brokers.base import BrokerError, Instrument, Quote
from accounts.models import Account
from relay.models import Endpoint
from signals.engines.base import Opinion, engine
from signals.market.base import NoPrice, price_source, source_name
from signals.models import Signal, Strategy, WorkItem
from signals.receive import Alert
from signals.strategies.symbols import Mapped
from tradeops.core import rows
from tradeops.core.errors import ConfigurationError
from tradeops.core.money import ZERO

from . import plans
from .plans import Plan


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
    groups: Mapping[int, int] = field(default_factory=dict)  # endpoint → the failover group that it leads

    @property
    def reduces(self) -> bool:
        return self.opinion.instruction is not None and self.opinion.instruction.reduces

    @property
    def dry_run(self) -> bool:
        return self.alert.dry_run or self.strategy.mode == Strategy.Mode.DRY_RUN


# All that a decision, its orders and its messages want to know of a signal.
_READ = ("public_id", "request_id", "received_at", "routes", "symbol", "action", "data", "raw")


def signals(*, where: str, params: Sequence[Any] = ()) -> list[Signal]:
    """Those that fulfil `where` (see `rows.select`), as far as a decision needs them."""
    return rows.fetch(Signal, *_READ, where=where, params=params)


def gather(item: WorkItem, *, now: datetime) -> Case:
    """May use the network; holds no lock. Raises ConfigurationError for an engine that is not installed."""
    [signal] = signals(where="id = %s", params=[item.signal_id])
    plan = plans.of(item.strategy_id)
    case = relay_case(item, signal, plan)
    return replace(case, outlooks=[_outlook(case, account, now=now) for account in plan.accounts])


def relay_case(item: WorkItem, signal: Signal, plan: Plan) -> Case:
    """The case as far as endpoints need it: read from what this process has. Raises ConfigurationError, as `gather`."""
    alert = Alert.from_json(signal.data)
    return Case(
        item=item,
        signal=signal,
        strategy=plan.strategy,
        alert=alert,
        mapped=plan.mapped(alert.symbol),
        opinion=engine(plan.strategy.engine).read(alert),
        endpoints=plan.endpoints,
        groups=plan.groups,
    )


def _outlook(case: Case, account: Account, *, now: datetime) -> Outlook:
    if not _has_stand_in(account, case.strategy):
        return Outlook(account=account, problem=f"{account.slug} has no paper twin to trade in its place")
    return _look(_traded(account, case.strategy), case, now=now)


def _traded(account: Account, strategy: Strategy) -> Account:
    """In mode paper, orders go to the account's paper twin; a paper account is its own (S1)."""
    if strategy.mode != Strategy.Mode.PAPER or account.is_paper:
        return account
    return account.paper_twin


def _has_stand_in(account: Account, strategy: Strategy) -> bool:
    """False only for a real account without a twin in mode paper: it must not be touched."""
    return strategy.mode != Strategy.Mode.PAPER or account.is_paper or hasattr(account, "paper_twin")


def _look(account: Account, case: Case, *, now: datetime) -> Outlook:
    strategy, mapped = case.strategy, case.mapped
    if mapped is None:
        return Outlook(account=account)
    quote, quote_problem = None, ""
    try:
        source = price_source(source_name(strategy_prices=strategy.prices, account=account))
        quote = source.quote(
            symbol=mapped.symbol, alert=_per_base(case.alert, mapped), received_at=case.signal.received_at, now=now
        )
    except (NoPrice, ConfigurationError) as error:
        quote_problem = str(error)
    try:
        broker = registry.broker_for(account)
        instrument = broker.instrument(mapped.symbol)
        free = broker.balances().get(instrument.base, ZERO) if case.opinion.sells else ZERO
    except (BrokerError, ConfigurationError) as error:
        return Outlook(account=account, quote=quote, quote_problem=quote_problem, problem=str(error))
    return Outlook(account=account, quote=quote, quote_problem=quote_problem, instrument=instrument, free_base=free)


def _per_base(alert: Alert, mapped: Mapped) -> Alert:
    """The sender's price is per its own unit; ours are per base unit."""
    if mapped.multiplier == 1 or alert.price is None:
        return alert
    return Alert.from_json({**alert.to_json(), "price": str(alert.price / mapped.multiplier)})
