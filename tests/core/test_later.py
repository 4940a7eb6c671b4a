"""What is put off is written once, in order, and not at all where its block has failed."""

import pytest

from tradeops.core import later


@pytest.fixture
def written():
    return []


@pytest.fixture
def write(written):
    return lambda items: written.append(list(items))


def test_outside_of_a_block_it_is_written_at_once(written, write):
    later.write(write, [1])
    later.write(write, [2, 3])
    assert written == [[1], [2, 3]]


def test_within_a_block_all_is_written_at_its_end(written, write):
    with later.together():
        later.write(write, [1])
        with later.together():
            later.write(write, [2])
        assert written == []
    assert written == [[1, 2]]
    later.write(write, [3])
    assert written == [[1, 2], [3]]


def test_each_has_its_own_in_the_order_of_their_first(written):
    first, second = (lambda items: written.append(("first", items))), (lambda items: written.append(("second", items)))
    with later.together():
        later.write(second, [1])
        later.write(first, [2])
        later.write(second, [3])
    assert written == [("second", [1, 3]), ("first", [2])]


def test_what_writes_may_have_more_written(written, write):
    with later.together():
        later.write(lambda items: later.write(write, items), [1])
    assert written == [[1]]


def test_of_a_block_that_fails_nothing_is_written(written, write):
    def fail():
        with later.together():
            later.write(write, [1])
            raise ValueError

    with pytest.raises(ValueError):
        fail()
    assert written == []
    later.write(write, [2])
    assert written == [[2]]


def test_of_a_part_that_fails_only_the_rest_is_written(written, write):
    def fail():
        later.write(write, [2])
        raise ValueError

    with later.together():
        later.write(write, [1])
        with pytest.raises(ValueError), later.part():
            fail()
        with later.part():
            later.write(write, [3])
    assert written == [[1, 3]]
