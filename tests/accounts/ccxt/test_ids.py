import pytest

from accounts.brokers.by_ccxt import ids

OURS = "abcdefghijklmnopqrstuvwxyz234567"


def test_most_exchanges_take_our_id_as_it_is() -> None:
    assert ids.to_venue(OURS, ids.PLAIN) == OURS
    assert ids.from_venue(OURS, ids.PLAIN) == OURS


def test_gate_gets_its_prefix_and_at_most_28_characters_more() -> None:
    there = ids.to_venue(OURS, ids.GATE)
    # What ccxt is given is 28 characters at most, does not begin with a t, and is led by ccxt's `t-`.
    assert (len(there), there[0]) == (28, "o")
    assert ids.from_venue("t-" + there, ids.GATE) == OURS


def test_an_id_that_gates_form_cannot_hold_is_refused() -> None:
    with pytest.raises(ValueError, match="32 characters"):
        ids.to_venue("short", ids.GATE)


@pytest.mark.parametrize("theirs", ["web", "t-by-hand", "apiv4", "t-" + "!" * 27])
def test_an_order_of_somebody_else_keeps_its_id(theirs: str) -> None:
    assert ids.from_venue(theirs, ids.GATE) == theirs


@pytest.mark.parametrize("nothing", [None, ""])
def test_no_id_is_the_empty_text(nothing: str | None) -> None:
    assert ids.from_venue(nothing, ids.GATE) == ""
