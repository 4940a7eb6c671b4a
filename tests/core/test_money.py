"""Exact amounts: what is taken, what is refused, how they are rounded and written."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradeops.core import money


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0.01", "0.01"),
        (" 5 ", "5"),
        ("1e3", "1000"),
        ("-2.50", "-2.5"),
        (7, "7"),
        ("0.000000000000000001", "0.000000000000000001"),
        ("9" * 19, "9" * 19),
    ],
)
def test_exact_amounts_are_taken(text, value):
    assert money.exact(text) == Decimal(value)


@pytest.mark.parametrize(
    "text",
    [0.1, "NaN", "Infinity", "-inf", "", "1,5", "0x10", "1e19", "1e-19", "1" * 35, "1e400", None, "1_0x", "9" * 20],
)
def test_what_is_no_exact_amount_is_refused(text):
    with pytest.raises(ValueError):
        money.exact(text)


@pytest.mark.parametrize(
    ("value", "step", "rounded"),
    [
        ("0.0199", "0.01", "0.01"),
        ("0.01", "0.01", "0.01"),
        ("-0.0199", "0.01", "-0.01"),
        ("17", "5", "15"),
        ("1.23", "0", "1.23"),
        ("0.009", "0.01", "0"),
    ],
)
def test_rounding_goes_toward_zero(value, step, rounded):
    assert money.floor_to(Decimal(value), Decimal(step)) == Decimal(rounded)


@given(
    value=st.decimals(min_value=0, max_value=10**6, places=8),
    step=st.sampled_from(["0.00001", "0.001", "0.5", "1", "3"]),
)
def test_rounding_never_exceeds_and_loses_less_than_a_step(value, step):
    rounded = money.floor_to(value, Decimal(step))
    assert rounded <= value < rounded + Decimal(step)
    assert rounded % Decimal(step) == 0


@pytest.mark.parametrize(
    ("value", "text"),
    [("1E+2", "100"), ("0.0100", "0.01"), ("0E-8", "0"), ("-0", "0"), ("-1.50", "-1.5"), ("100", "100")],
)
def test_plain_text_has_no_exponent_and_no_trailing_zeros(value, text):
    assert money.plain(Decimal(value)) == text


def test_plain_of_nothing_is_nothing():
    assert money.plain(None) is None


@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**15), max_value=10**15, places=8))
def test_plain_text_reads_back_as_the_same_amount(value):
    assert money.exact(money.plain(value)) == value


def test_the_opposite_side():
    assert money.Side.BUY.opposite is money.Side.SELL
    assert money.Side.SELL.opposite is money.Side.BUY


@pytest.mark.parametrize(
    ("value", "stored"),
    [
        (Decimal("0.0075"), "0.0075"),
        (money.EXACT.divide(Decimal(347), Decimal("0.007")), "49571.428571428571428571"),
        (money.EXACT.divide(Decimal(500), Decimal("67000.5")), "0.007462630875888986"),
        (Decimal("0.1234567890123456789"), "0.123456789012345679"),
        (Decimal("-0.0000000000000000004"), "0"),
        (money.EXACT.divide(Decimal(10) ** 18, Decimal(3)), "333333333333333333.3333333333333333"),
    ],
)
def test_what_a_division_leaves_is_rounded_to_what_can_be_stored(value, stored):
    found = money.kept(value)
    assert money.plain(found) == stored
    assert money.exact(found) == found
