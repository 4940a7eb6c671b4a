"""The decision for one endpoint: mode, kill switch, age and symbols bind it as they bind an account (L2)."""

from __future__ import annotations

from datetime import datetime, timedelta

from relay.models import Endpoint
from signals.models import Decision, MaintenanceWindow, Strategy
from signals.risk import gate, maintenance
from signals.risk.base import FAIL, PASS, Proposal, Verdict
from signals.risk.rules.maintenance import Maintenance
from signals.risk.switch import Switches
from tradeops.core import rows

from . import opinionated, proposals
from .gather import Case

Kind = MaintenanceWindow.Kind
RELAY = "relay"  # a decision's intent
Rules = list[dict[str, str | None]]


def decide_all(case: Case, *, switches: Switches, now: datetime) -> list[Decision]:
    """One for each endpoint of the case. Not stored yet; the caller writes the messages of all approved together."""
    if not case.endpoints:
        return []
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
        halted=switches.halts(case.strategy.slug),
        maintenance=_maintenance(case, now=now),
        windows=case.strategy.windows,
    )
    return [*proposals.late(case), *opinionated.at_large(case), *gate.judge(proposal)]


def _decision(
    case: Case, endpoint: Endpoint, common: list[Verdict], told: dict[tuple[Verdict, ...], Rules], *, now: datetime
) -> Decision:
    verdicts = (proposals.mode(case), _receives(case, endpoint), *_spared(case, endpoint, common, now=now))
    if verdicts not in told:
        told[verdicts] = [verdict.to_json() for verdict in verdicts]
    failed = [verdict for verdict in verdicts if not verdict.passed]
    return rows.make(
        Decision,
        signal_id=case.signal.pk,
        strategy_id=case.strategy.pk,
        endpoint_id=endpoint.pk,
        engine=case.engine,
        variant=case.variant,
        confidence=case.opinion.confidence,
        views=[view.to_json() for view in case.opinion.views],
        outcome=(Decision.Outcome.REJECTED if failed else Decision.Outcome.APPROVED).value,
        intent=RELAY,
        mode="live" if _is_live(case) else "dry_run",
        reason=(failed[0].reason if failed else "all rules passed")[:300],
        rules=told[verdicts],
        decided_at=now,
    )


def _maintenance(case: Case, *, now: datetime) -> str:
    found = maintenance.window((Kind.STRATEGY, case.strategy.slug), now=now)
    return maintenance.describe(found) if found else ""


def _spared(case: Case, endpoint: Endpoint, common: list[Verdict], *, now: datetime) -> list[Verdict]:
    """Without entries for an endpoint that is being maintained; what only reduces is held instead (D7)."""
    found = None if case.reduces else maintenance.window((Kind.ENDPOINT, endpoint.slug), now=now)
    if found is None:
        return common
    told = maintenance.describe(found)
    failed = Verdict(Maintenance.slug, FAIL, told, "none", f"maintenance of {told}")
    return [failed if one.rule == Maintenance.slug and one.passed else one for one in common]


def held(case: Case, *, now: datetime) -> dict[int, datetime]:
    """Endpoints to which what only reduces goes later, and when that is (D7)."""
    if not case.reduces or not maintenance.windows():
        return {}
    strategy = (Kind.STRATEGY, case.strategy.slug)
    ends = ((one.pk, maintenance.until((Kind.ENDPOINT, one.slug), strategy, now=now)) for one in case.endpoints)
    return {pk: end for pk, end in ends if end is not None}


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
