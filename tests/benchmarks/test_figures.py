"""Numbers from measurements: known values."""

import math

import pytest

from benchmarks.figures import interval


def test_the_interval_of_a_mean_by_students_t():
    low, high = interval([1.0, 2.0, 3.0, 4.0, 5.0])
    reach = 2.776 * math.sqrt(2.5) / math.sqrt(5)
    assert (low, high) == pytest.approx((3 - reach, 3 + reach))


def test_differences_that_are_all_the_same_have_no_width():
    assert interval([2.0] * 4) == (2.0, 2.0)


def test_one_value_says_nothing():
    assert interval([3.0]) == (float("-inf"), float("inf"))


def test_many_values_use_the_widest_of_the_table_beyond_it():
    values = [0.0, 2.0] * 50
    low, high = interval(values)
    assert high - low == pytest.approx(2 * 2.042 * math.sqrt(100 / 99) / 10)
