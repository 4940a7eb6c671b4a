"""The decision for one endpoint: mode, kill switch, age and symbols bind it as they bind an account (L2)."""

from __future__ import annotations

from datetime import datetime, timedelta

from relay.models import Endpoint
from signals.models import Decision, Strategy
from signals.risk import gate
from signals.risk.base import FAIL, PASS, Proposal, Verdict
from signals.risk.switch import Switches
from tradeops.core import rows

from . import proposals
from .gather import Case

RELAY = "relay"  # a decision's intent
Rules = list[dict[str, str | None]]


def decide_all(case: Case, *, switches: Switches, now: datetime) -> list[Decision]:
    """One for each endpoint of the case. Not stored yet; the caller writes the messages of all approved together."""
    common = _common(case, switches=switches, now=now)
    told: dict[tuple[Verdict, ...], Rules] = {}  # most endpoints have the same verdicts: written down once
    return [_decision(case, endpoint, common, told, now=now) for endpoint in case.endpoints]


def decide(case: Case, endpoint: Endpoint, *, switches: Switches, now: datetime) -> Decision:
    return _decision(case, endpoint, _common(case, switches=switches, now=now), {}, now=now)


def _common(case: Case, *, switches: Switches, now: datetime) -> list[Verdict]:
    """What the rules say of the signal, wherever it goes."""
    proposal = Proposal(
        now=now,
        reduces=case.reduces,
        strategy=case.strategy.slug,
        age_seconds=proposals.age(case, now),
        max_age_seconds=case.strategy.exit_max_age_seconds if case.reduces else case.strategy.max_age_seconds,
        ticker=case.alert.symbol,
        symbol=case.mapped.symbol if case.mapped else "",
        switches_on=switches.stopping(strategy=case.strategy.slug),
    )
    return gate.judge(proposal)


def _decision(
    case: Case, endpoint: Endpoint, common: list[Verdict], told: dict[tuple[Verdict, ...], Rules], *, now: datetime
) -> Decision:
    verdicts = (proposals.mode(case), _receives(case, endpoint), *common)
    if verdicts not in told:
        told[verdicts] = [verdict.to_json() for verdict in verdicts]
    failed = [verdict for verdict in verdicts if not verdict.passed]
    return rows.make(
        Decision,
        signal_id=case.signal.pk,
        strategy_id=case.strategy.pk,
        endpoint_id=endpoint.pk,
        engine=case.strategy.engine,
        outcome=(Decision.Outcome.REJECTED if failed else Decision.Outcome.APPROVED).value,
        intent=RELAY,
        mode="live" if _is_live(case) else "dry_run",
        reason=(failed[0].reason if failed else "all rules passed")[:300],
        rules=told[verdicts],
        decided_at=now,
    )


def gives_up_at(case: Case) -> datetime:
    """The relay's deadline: the signal's maximum age, the longer one for what only reduces (L3)."""
    seconds = case.strategy.exit_max_age_seconds if case.reduces else case.strategy.max_age_seconds
    return proposals.born(case) + timedelta(seconds=seconds)


def _is_live(case: Case) -> bool:
    return case.strategy.mode == Strategy.Mode.LIVE and not case.dry_run


def _receives(case: Case, endpoint: Endpoint) -> Verdict:
    """In dry_run and paper an endpoint gets nothing unless it says that it accepts it (S1)."""
    if endpoint.retired_at is not None or not endpoint.active:
        problem = "retired" if endpoint.retired_at is not None else "inactive"
        why = f"endpoint {endpoint.slug} is {problem}" + (
            f": {endpoint.disabled_reason}" if endpoint.disabled_reason else ""
        )
        return Verdict("endpoint", FAIL, problem, "active", why)
    if "signals" not in endpoint.receives:
        return Verdict(
            "endpoint",
            FAIL,
            "signals",
            ", ".join(endpoint.receives),
            f"endpoint {endpoint.slug} does not receive signals",
        )
    if not _is_live(case) and not endpoint.accepts_dry_run:
        why = f"endpoint {endpoint.slug} does not accept dry runs"
        return Verdict("endpoint", FAIL, "dry_run" if case.dry_run else case.strategy.mode, "live", why)
    return Verdict("endpoint", PASS, "active", "active")
