"""Engine B: the vote to the last digit, the veto, abstentions, and that nothing that reduces waits for it."""

from decimal import Decimal

import pytest
from django.utils.module_loading import import_string

from signals.engines.agents.base import ABSTAIN, BUY, HOLD, PASS, SELL, VETO, Answer, abstain
from signals.engines.base import Objection, View, engine
from signals.receive import Alert
from signals.strategies.actions import Instruction

from .hands import analysis, bars, evidence

D = Decimal


class Told:
    """An agent that says what the evidence's own note tells it to: `Told.says` by its name."""

    weight = D(1)
    settings: dict = {}
    says: dict = {}

    def bars(self, given):
        return 0

    def look(self, evidence, given):
        said = self.says[type(self).__name__]
        if isinstance(said, Exception):
            raise said
        return said


class One(Told): ...


class Two(Told): ...


class Guard(Told):
    weight = D(0)


@pytest.fixture
def says(settings, monkeypatch):
    settings.AGENTS = {name.lower(): f"{__name__}.{name}" for name in ("One", "Two", "Guard")}
    assert import_string(settings.AGENTS["one"]) is One
    told = {"One": abstain("has nothing"), "Two": abstain("has nothing either"), "Guard": Answer(PASS, None, "fine")}
    monkeypatch.setattr(Told, "says", told)
    return told


def read(given=None, **alert):
    return engine("B", given or {}).read(Alert(**{"symbol": "X", "action": "buy", **alert}), evidence())


def test_the_weighted_vote(says):
    says["One"], says["Two"] = Answer(BUY, D("0.8"), "up"), Answer(SELL, D("0.3"), "down")
    found = read({"one": {"weight": "2"}, "threshold": "0.4333"})
    # (2 · 0.8 - 1 · 0.3) / 3 = 0.43333…
    assert found.instruction == Instruction(action="buy")
    assert (found.vote, found.needed, found.confidence) == ("0.4333", "0.4333", D("0.4333"))
    assert found.reason == "buy: the vote of 2 agents is +0.4333"
    assert found.views == (
        View(agent="one", view=BUY, confidence=D("0.8"), weight=D(2), reason="up"),
        View(agent="two", view=SELL, confidence=D("0.3"), weight=D(1), reason="down"),
        View(agent="guard", view=PASS, confidence=None, weight=D(0), reason="fine"),
    )
    assert found.objections == {
        "short": Objection("0.4333", "-0.4333", "the vote of 2 agents is +0.4333: it opens no short")
    }


def test_one_ten_thousandth_below_the_threshold_opens_nothing(says):
    says["One"], says["Two"] = Answer(BUY, D("0.8"), "up"), Answer(SELL, D("0.3"), "down")
    found = read({"one": {"weight": "2"}, "threshold": "0.4334"})
    assert set(found.objections) == {"long", "short"}
    assert found.objections["long"] == Objection(
        "0.4333", "0.4334", "the vote of 2 agents is +0.4333: it opens no long"
    )


def test_who_holds_dilutes_and_who_abstains_does_not(says):
    says["One"] = Answer(BUY, D("0.5"), "up")
    assert read().vote == "0.5000"
    says["Two"] = Answer(HOLD, D(0), "flat")
    assert read().vote == "0.2500"


def test_a_weight_of_zero_has_no_voice(says):
    says["One"], says["Two"] = Answer(BUY, D("0.5"), "up"), Answer(SELL, D(1), "down")
    assert read({"two": {"weight": 0}}).vote == "0.5000"


def test_when_all_abstain_nothing_is_opened_and_each_says_why(says):
    found = read()
    why = "no agent has a view; one: has nothing; two: has nothing either"
    assert found.objections == {side: Objection(None, "0.2", why) for side in ("long", "short")}
    assert (found.confidence, found.vote) == (D(0), None)
    assert [(view.view, view.confidence) for view in found.views] == [(ABSTAIN, None), (ABSTAIN, None), (PASS, None)]


def test_the_quorum(says):
    says["One"] = Answer(BUY, D(1), "up")
    assert "long" not in read({"quorum": 1}).objections
    found = read({"quorum": 2}).objections["long"]
    assert found.reason == "1 of 2 agents needed have a view; two: has nothing either"


def test_a_vote_of_nothing_opens_nothing_even_at_a_threshold_of_zero(says):
    says["One"], says["Two"] = Answer(BUY, D("0.5"), "up"), Answer(SELL, D("0.5"), "down")
    assert set(read({"threshold": 0}).objections) == {"long", "short"}


def test_the_veto_beats_any_vote(says):
    says["One"] = says["Two"] = Answer(BUY, D(1), "up")
    says["Guard"] = Answer(VETO, D(1), "the spread is 2%", ("long", "short"))
    found = read()
    assert found.objections["long"] == Objection("veto", None, "guard says no: the spread is 2%")
    assert found.vote == "1.0000"


def test_a_veto_of_one_side_leaves_the_other(says):
    says["One"] = says["Two"] = Answer(SELL, D(1), "down")
    says["Guard"] = Answer(VETO, D(1), "under water", ("long",))
    assert set(read(action="sell").objections) == {"long"}


def test_an_agent_that_fails_abstains_and_says_so(says):
    says["One"], says["Two"] = RuntimeError("broken"), Answer(BUY, D("0.5"), "up")
    found = read()
    assert found.views[0] == View(
        agent="one", view=ABSTAIN, confidence=None, weight=D(1), reason="it could not tell: RuntimeError: broken"
    )
    assert found.vote == "0.5000"


@pytest.mark.parametrize(
    "alert", [{"action": "close"}, {"action": "exit"}, {"action": "flat"}, {"action": "cancel"},
              {"action": "", "market_position": "flat"}, {"action": "sell", "reduce_only": True}],
)  # fmt: skip
def test_what_only_reduces_is_not_put_to_the_vote(says, alert):
    says["One"] = says["Two"] = says["Guard"] = RuntimeError("must not be asked")
    found = read(**alert)
    assert found.reduces
    assert (found.objections, found.views, found.confidence) == ({}, (), None)


def test_a_put_is_bought_where_the_price_is_to_fall(says):
    says["One"] = says["Two"] = Answer(SELL, D(1), "down")
    assert "long" not in read(action="", direction="put").objections


def test_what_it_cannot_trade_it_says(says):
    assert read(action="heartbeat").instruction is None


def test_its_views_as_they_are_stored():
    """The real agents: three by bars that rise by 1 % a bar, two by an analysis, and the guard."""
    closes = [100 * 1.01**number for number in range(80)]
    found = engine("B", {"momentum": {"exhausted": "50"}, "volatility": {"wild": "1"}}).read(
        Alert(symbol="X", action="buy"), evidence(bars=bars(*closes), analysis=analysis())
    )
    told = [view.to_json() for view in found.views]
    assert [(one["agent"], one["view"], one["weight"]) for one in told] == [
        ("trend", "buy", "1"), ("momentum", "hold", "1"), ("volatility", "buy", "1"), ("sentiment", "buy", "1"),
        ("forecast", "buy", "1"), ("risk", "pass", "0"),
    ]  # fmt: skip
    assert told[3]["confidence"] == "0.6"
    assert told[4] == {
        "agent": "forecast", "view": "buy", "confidence": "0.5", "weight": "1",
        "reason": "Statistical says up with 75% probability",
    }  # fmt: skip
    assert "long" not in found.objections
    assert "short" in found.objections
