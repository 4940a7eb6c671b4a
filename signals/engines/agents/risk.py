"""Risk: it has no direction and a veto: a wide spread, a wild market, a position that runs against itself."""

from __future__ import annotations

from decimal import Decimal

from signals.engines import indicators
from signals.engines.evidence import Evidence
from signals.engines.indicators import NoNumber

from .base import PASS, SIDES, VETO, Answer, Given, abstain, count, number


class RiskAgent:
    weight = Decimal(0)
    settings = {
        "max_spread": number("0.005"),  # ask - bid, as a share of the price
        "max_volatility": number("0.05"),  # average true range of a bar, as a share of the price
        "max_adverse": number("3"),  # average true ranges that an open position may be under water and be added to
        "atr": count(14),
    }

    def bars(self, given: Given) -> int:
        return 3 * int(given["atr"])

    def look(self, evidence: Evidence, given: Given) -> Answer:
        vetoes: dict[str, str] = {}
        checked = [*_spread(evidence, given, vetoes), *_range(evidence, given, vetoes)]
        if vetoes:
            return Answer(VETO, Decimal(1), "; ".join(dict.fromkeys(vetoes.values())), tuple(vetoes))
        if not checked:
            return abstain("; ".join(filter(None, (evidence.quote_problem, evidence.bars_problem))) or "nothing to see")
        return Answer(PASS, None, ", ".join(checked))


def _spread(evidence: Evidence, given: Given, vetoes: dict[str, str]) -> list[str]:
    quote = evidence.quote
    if quote is None or quote.last <= 0:
        return []
    spread = (quote.ask - quote.bid) / quote.last
    said = f"the spread is {spread:.3%}"
    if spread > given["max_spread"]:
        vetoes.update(dict.fromkeys(SIDES, f"{said}, {given['max_spread']:.3%} is allowed"))
    return [said]


def _range(evidence: Evidence, given: Given, vetoes: dict[str, str]) -> list[str]:
    if evidence.bars is None:
        return []
    rows = evidence.bars.rows
    try:
        unit = indicators.atr(rows, period=int(given["atr"]))
    except NoNumber:
        return []
    wild = unit / rows[-1].close
    said = f"a bar moves {wild:.2%}"
    if wild > given["max_volatility"]:
        vetoes.update(dict.fromkeys(SIDES, f"{said}, {given['max_volatility']:.2%} is allowed"))
    _adverse(evidence, given, unit, vetoes)
    return [said]


def _adverse(evidence: Evidence, given: Given, unit: float, vetoes: dict[str, str]) -> None:
    """Adding to what runs against itself; opening the other side is not held back by it."""
    assert evidence.bars is not None
    present = evidence.bars.rows[-1].close if evidence.quote is None else float(evidence.quote.last)
    for side, held in evidence.held.items():
        if held.average_price is None or side in vetoes:
            continue
        under = (float(held.average_price) - present) * (1 if side == "long" else -1)
        if under > float(given["max_adverse"]) * unit:
            told = f"{under / unit:.1f}" if unit > 0 else "any number of"
            vetoes[side] = (
                f"the {side} position is {told} average true ranges under water, {given['max_adverse']} are allowed"
            )
