"""All that a decision needs and that may take time, read before its transaction: quotes and balances."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from accounts.brokers import registry
from accounts.brokers.base import Balance, Broker, BrokerError, Instrument, Quote
from accounts.models import Account
from relay.models import Endpoint
from signals.engines.base import Opinion
from signals.execution import lanes
from signals.market.base import NoPrice, is_remote, price_source, source_name
from signals.models import Approval, Signal, Strategy, WorkItem
from signals.receive import Alert
from signals.strategies import sizing
from signals.strategies.sizing import Funds
from signals.strategies.symbols import Mapped
from tradeops.core import rows
from tradeops.core.errors import ConfigurationError
from tradeops.core.money import ZERO

from . import funds, minds, missing, ordering, plans
from .minds import Ground
from .missing import Ask
from .ordering import Turn
from .plans import Member, Plan


@dataclass(frozen=True, kw_only=True)
class Outlook:
    """One account as the venue shows it now; `problem` says what could not be read.

    `mapped` is the symbol as this account has it, `member` its part in a group of the strategy.
    """

    account: Account
    mapped: Mapped | None = None
    member: Member | None = None
    quote: Quote | None = None
    quote_problem: str = ""
    instrument: Instrument | None = None
    free_base: Decimal = ZERO
    funds: Funds = field(default_factory=Funds)
    problem: str = ""
    opinions: Mapping[str, Opinion] = field(default_factory=dict)  # by engine, where one looks at more than the alert


@dataclass(frozen=True, kw_only=True)
class Case:
    """One work item with everything around it."""

    item: WorkItem
    signal: Signal
    strategy: Strategy
    alert: Alert
    mapped: Mapped | None
    opinion: Opinion  # on the symbol as such; on an account, see `Desk.opinion`
    variant: str = ""  # of an experiment: the engine that the signal is for
    shadow: str = ""  # and the one that decides beside it, without trading
    engines: tuple[str, ...] = ()  # all of them
    outlooks: list[Outlook] = field(default_factory=list)
    endpoints: list[Endpoint] = field(default_factory=list)
    groups: Mapping[int, int] = field(default_factory=dict)  # endpoint → the failover group that it leads
    turn: Turn | None = None  # of a target: its place among the others
    approval: Approval | None = None  # a person's yes (D6)
    ask: Ask | None = None  # a person asks that it be decided once more, for these accounts (U2)
    ground: Ground | None = None  # what engines are told that look at more than the alert

    @property
    def engine(self) -> str:
        return self.variant or self.strategy.engine

    @property
    def reduces(self) -> bool:
        return self.opinion.reduces

    @property
    def dry_run(self) -> bool:
        return self.alert.dry_run or self.strategy.mode == Strategy.Mode.DRY_RUN


# All that a decision, its orders and its messages want to know of a signal.
_READ = (
    "public_id",
    "request_id",
    "received_at",
    "routes",
    "variants",
    "symbol",
    "action",
    "data",
    "raw",
    "decided_at",
)


def signals(*, where: str, params: Sequence[Any] = ()) -> list[Signal]:
    """Those that fulfil `where` (see `rows.select`), as far as a decision needs them."""
    return rows.fetch(Signal, *_READ, where=where, params=params)


def gather(item: WorkItem, *, now: datetime) -> Case:
    """May use the network; holds no lock. Raises ConfigurationError for an engine that is not installed.

    Raises `ordering.NotYet` where another signal has to act first.
    """
    signal = _signal(item)
    plan = plans.of(item.strategy_id)
    case = relay_case(item, signal, plan)
    ask = missing.asked(item) if signal.decided_at is not None else None
    if ask is not None:
        case, plan = for_ask(case, ask), only(plan, ask.decisions)
    else:
        case = replace(case, turn=ordering.turn(item, signal, case.alert, case.mapped, now=now))
    case = grounded(case, now=now)
    case = replace(case, outlooks=outlooks(case, plan, now=now))
    return replace(case, opinion=_at_large(case)) if case.ground else case


def for_ask(case: Case, ask: Ask) -> Case:
    """Endpoints have had the signal, and so has the order of the lane."""
    return replace(case, ask=ask, endpoints=[], groups={})


def only(plan: Plan, accounts: Collection[int]) -> Plan:
    """The plan with those accounts (primary keys) of it that orders go to."""
    return replace(
        plan, accounts=[one for one in plan.accounts if traded(one, plan.strategy).pk in accounts], endpoints=[]
    )


def traded(account: Account, strategy: Strategy) -> Account:
    """Where the orders of an account go; the account itself where they can go nowhere."""
    return _traded(account, strategy) if _has_stand_in(account, strategy) else account


def _signal(item: WorkItem) -> Signal:
    """As the router has just read it, or from the database."""
    if WorkItem.signal.is_cached(item):
        return item.signal
    [signal] = signals(where="id = %s", params=[item.signal_id])
    return signal


def grounded(case: Case, *, now: datetime) -> Case:
    """With what engines are told that look at more than the alert. What only reduces waits for nobody's view."""
    mind = minds.of(case.strategy)
    if not mind.look or case.mapped is None or case.reduces:
        return case
    return replace(case, ground=minds.ground(mind, case.alert, symbol=case.mapped.symbol, now=now))


def _at_large(case: Case) -> Opinion:
    """What endpoints go by: the opinion on the first account that has one, else on the symbol as such."""
    assert case.ground is not None
    assert case.mapped is not None
    found = next((look.opinions for look in case.outlooks if look.opinions), None)
    if found is None:
        found = minds.opinions(case.ground, account=None, symbol=case.mapped.symbol, quote=None, quote_problem="")
    return found[case.engine]


def relay_case(item: WorkItem, signal: Signal, plan: Plan) -> Case:
    """The case as far as endpoints need it: read from what this process has. Raises ConfigurationError, as `gather`."""
    alert, mind = Alert.from_json(signal.data), minds.of(plan.strategy)
    variant = mind.variant(signal)
    return Case(
        item=item,
        signal=signal,
        strategy=plan.strategy,
        alert=alert,
        mapped=plan.mapped(alert.symbol),
        opinion=mind.engines[variant or plan.strategy.engine].read(alert),
        variant=variant,
        shadow=mind.shadow,
        engines=tuple(mind.engines),
        endpoints=plan.endpoints,
        groups=plan.groups,
    )


def outlooks(case: Case, plan: Plan, *, now: datetime) -> list[Outlook]:
    """In the order of the accounts; those that a venue is asked for side by side."""
    remote = [account for account in plan.accounts if is_remote_account(account, case.strategy)]
    looks = lanes.each(lambda account: outlook(case, plan, account, now=now), remote)
    found = dict(zip((account.pk for account in remote), looks, strict=True))
    return [found.get(account.pk) or outlook(case, plan, account, now=now) for account in plan.accounts]


def is_remote_account(account: Account, strategy: Strategy) -> bool:
    """Whether a look at it may take the time of a network call."""
    if not _has_stand_in(account, strategy):
        return False
    traded = _traded(account, strategy)
    try:
        local = registry.capabilities(traded.broker).local
    except ConfigurationError:
        local = True  # the outlook says so, without a network call
    prices = source_name(strategy_prices=strategy.prices, account=traded)
    return not local or is_remote(prices) or minds.ask_a_venue(strategy)


Balances = Callable[[Account, Broker], Mapping[str, Balance]]


def _asked(account: Account, broker: Broker) -> Mapping[str, Balance]:
    return broker.balances()


def outlook(case: Case, plan: Plan, account: Account, *, now: datetime, balances: Balances = _asked) -> Outlook:
    found = Outlook(
        account=account,
        mapped=case.mapped.on(account.slug) if case.mapped else None,
        member=plan.members.get(account.pk),
    )
    if not _has_stand_in(account, case.strategy):
        return replace(found, problem=f"{account.slug} has no paper twin to trade in its place")
    found = _look(replace(found, account=_traded(account, case.strategy)), case, balances, now=now)
    if case.ground is None or found.mapped is None:
        return found
    told = minds.opinions(
        case.ground, account=found.account, symbol=found.mapped.symbol, quote=found.quote,
        quote_problem=found.quote_problem,
    )  # fmt: skip
    return replace(found, opinions=told)


def _traded(account: Account, strategy: Strategy) -> Account:
    """In mode paper, orders go to the account's paper twin; a paper account is its own (S1)."""
    if strategy.mode != Strategy.Mode.PAPER or account.is_paper:
        return account
    return account.paper_twin


def _has_stand_in(account: Account, strategy: Strategy) -> bool:
    """False only for a real account without a twin in mode paper: it must not be touched."""
    return strategy.mode != Strategy.Mode.PAPER or account.is_paper or hasattr(account, "paper_twin")


def _look(found: Outlook, case: Case, balances: Balances, *, now: datetime) -> Outlook:
    account, mapped = found.account, found.mapped
    if mapped is None:
        return found
    quote, quote_problem = _quote(account, case, mapped, now=now)
    found = replace(found, quote=quote, quote_problem=quote_problem)
    try:
        broker = registry.broker_for(account)
        instrument = broker.instrument(mapped.symbol)
        found = replace(found, instrument=instrument)
        if _may_sell_what_is_free(case, account):
            held = balances(account, broker).get(instrument.base)
            found = replace(found, free_base=held.free if held else ZERO)
    except (BrokerError, ConfigurationError) as error:
        return replace(found, problem=str(error))
    if case.reduces or not sizing.needs_funds(case.strategy.sizing_mode, case.alert):
        return found
    return replace(found, funds=funds.read(account, lambda: balances(account, broker), now=now))


def _quote(account: Account, case: Case, mapped: Mapped, *, now: datetime) -> tuple[Quote | None, str]:
    """The quote, or why there is none."""
    try:
        source = price_source(source_name(strategy_prices=case.strategy.prices, account=account))
        quote = source.quote(
            symbol=mapped.symbol,
            alert=_per_base(case.alert, mapped),
            account=account,
            received_at=case.signal.received_at,
            now=now,
        )
    except (NoPrice, ConfigurationError) as error:
        return None, str(error)
    return quote, ""


def _may_sell_what_is_free(case: Case, account: Account) -> bool:
    """Contracts are sold short, whatever the account has of the coin: no question then."""
    return case.opinion.sells and account.market == "spot"


def _per_base(alert: Alert, mapped: Mapped) -> Alert:
    """The sender's price is per its own unit; ours are per base unit."""
    if alert.price is None or (price := mapped.price(alert.price)) == alert.price:
        return alert
    return replace(alert, price=price)
