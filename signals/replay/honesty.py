"""What a replay cannot know, in sentences: whoever reads its numbers is told what they rest on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from django.db.models import Q

from signals.market.base import source_name
from signals.models import Approval, Decision, Order, RoundTrip, Strategy
from signals.pipeline import minds, missing
from tradeops.core.errors import ConfigurationError

from .asked import Asked
from .openings import Openings

# What is switched by people, or by how things stand, and not by a limit: a replay begins without.
SWITCHED = ("kill_switch", "halted", "account", "maintenance", "approval")


def sentences(asked: Asked, openings: Openings, material: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    return [
        *openings.said,
        *_prices(asked, openings, material, now),
        *_mode(asked.strategy),
        *_carried(asked, openings),
        *_switched(asked),
        *_people(asked, openings),
        *_again(asked),
        *_minds(asked.strategy, now),
        *_others(asked, openings),
    ]


def _prices(asked: Asked, openings: Openings, material: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    names = {source_name(strategy_prices=asked.strategy.prices, account=row) for row in openings.traded}
    said = []
    if "message" in names:
        said.append(
            "Prices came with the messages: between two of them none is known, so stops, targets and trailing stops "
            "are judged at the next message only."
        )
    if names - {"message"}:
        said.append(
            f"{len(material['prices'])} stored prices of that time are known, and {now['looked']} came while something "
            "was open: between them, stops, targets and trailing stops are judged by nothing, and a stop may be filled "
            "later and elsewhere than it was."
        )
    return said


def _mode(strategy: Strategy) -> list[str]:
    if strategy.mode not in (Strategy.Mode.OFF, Strategy.Mode.DRY_RUN):
        return []
    return [f"{strategy.slug} is {strategy.mode} now; the replay trades all the same, on paper."]


def _carried(asked: Asked, openings: Openings) -> list[str]:
    held = RoundTrip.objects.filter(
        Q(closed_at=None) | Q(closed_at__gte=asked.since),
        strategy=asked.strategy, account__in=openings.traded, opened_at__lt=asked.since,
    ).select_related("account").order_by("account__slug", "symbol")  # fmt: skip
    names = ", ".join(f"{row.side} {row.symbol} on {row.account.slug}" for row in held)
    return [f"Held when the time began, and not in the replay, which begins flat: {names}."] if names else []


def _switched(asked: Asked) -> list[str]:
    rows = Decision.objects.filter(
        strategy=asked.strategy, outcome=Decision.Outcome.REJECTED, shadow=False, account__isnull=False,
        signal__received_at__gte=asked.since, signal__received_at__lt=asked.until,
    )  # fmt: skip
    failed = Counter(
        rule["rule"] for (rules,) in rows.values_list("rules") for rule in rules if rule["verdict"] != "PASS"
    )
    names = ", ".join(f"{name} {failed[name]}" for name in SWITCHED if failed[name])
    if not names:
        return []
    return [
        f"Some decisions were rejected then by what was switched at the time ({names}); a replay begins with nothing "
        "switched, frozen or paused."
    ]


def _people(asked: Asked, openings: Openings) -> list[str]:
    asks = Approval.objects.filter(
        strategy=asked.strategy, signal__received_at__gte=asked.since, signal__received_at__lt=asked.until
    ).count()
    by_hand = Order.objects.filter(
        strategy=asked.strategy, account__in=openings.traded, origin=Order.Origin.MANUAL,
        created_at__gte=asked.since, created_at__lt=asked.until,
    ).count()  # fmt: skip
    said = []
    if asks or asked.strategy.approval_seconds:
        said.append(
            f"A person was asked {asks} times; in the replay everybody says yes at once, at the prices known then."
        )
    if by_hand:
        said.append(f"{by_hand} orders were made by hand then; they are not replayed.")
    return said


def _again(asked: Asked) -> list[str]:
    count = Decision.objects.filter(
        strategy=asked.strategy, shadow=False, enrichment__has_key=missing.ASKED,
        signal__received_at__gte=asked.since, signal__received_at__lt=asked.until,
    ).count()  # fmt: skip
    if not count:
        return []
    decisions, came = ("1 decision was", "came of it") if count == 1 else (f"{count} decisions were", "came of them")
    return [
        f"{decisions} asked for again by a person later. The replay decides these signals when they were first "
        f"decided, and what it says of then is what {came} in the end."
    ]


def _minds(strategy: Strategy, now: Mapping[str, Any]) -> list[str]:
    try:
        if not minds.of(strategy).look:
            return []
    except ConfigurationError:
        return []
    silent = Counter(agent for one in now["decisions"] for agent in one["abstained"])
    names = ", ".join(f"{agent} {count}" for agent, count in sorted(silent.items())) or "none"
    return [
        "Agents saw what is stored of that time: daily bars and analyses that are still kept, no venue's bars. "
        f"They abstained for lack of it or by their own judgement: {names}."
    ]


def _others(asked: Asked, openings: Openings) -> list[str]:
    others = Order.objects.filter(
        account__in=openings.traded, created_at__gte=asked.since, created_at__lt=asked.until
    ).exclude(strategy=asked.strategy)  # fmt: skip
    slugs = sorted(set(others.values_list("strategy__slug", flat=True)))
    if not slugs:
        return []
    return [f"Other strategies traded on the same accounts then ({', '.join(slugs)}); in the replay it is alone."]
