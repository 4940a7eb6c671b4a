"""YAML as written, and what each type of field makes of it."""

from __future__ import annotations

from decimal import Decimal

import pytest

from tradeops.config.errors import ConfigurationFileError
from tradeops.config.reader import Mapping, parse
from tradeops.config.schema import (
    Amount,
    At,
    Faults,
    Flag,
    Integer,
    ListOf,
    MapOf,
    Nullable,
    Record,
    Text,
    Type,
    Unavailable,
    Unreadable,
    plain,
)


def read(kind: Type, text: str) -> tuple[object, list[str]]:
    """The value (None if unreadable) and the faults of `f: <text>`."""
    faults = Faults("t.yaml")
    root = parse(f"f: {text}", file="t.yaml")
    assert isinstance(root, Mapping)
    try:
        return kind.read(root.entries[0][1], At("f", faults)), [str(fault) for fault in faults.found]
    except Unreadable:
        return None, [str(fault) for fault in faults.found]


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        (Amount(), "0.10", Decimal("0.10")),
        (Amount(), '"100000"', Decimal("100000")),
        (Amount(), "123456789.123456789123456789", Decimal("123456789.123456789123456789")),
        (Integer(0, 300), "300", 300),
        (Flag(), "true", True),
        (Flag(), "off", False),
        (Text(), "off", "off"),
        (Text(), "0x10", "0x10"),
        (Nullable(Text(), ""), "null", ""),
        (ListOf(Integer()), "[3, 1]", [3, 1]),
        (ListOf(Integer(), ordered=False), "[3, 1]", [1, 3]),
        (MapOf(Text(), Amount()), "{a: 1.50}", {"a": Decimal("1.50")}),
        (Unavailable(), "{stop_loss: null, take_profit: [], trailing_stop: }", None),
    ],
)
def test_it_reads_what_was_written(kind, text, value):
    found, faults = read(kind, text)
    assert faults == []
    assert found == value
    assert str(found) == str(value)  # Decimal("0.10") is not Decimal("0.1") here


@pytest.mark.parametrize(
    ("kind", "text", "fault"),
    [
        (Amount(), "1_000", "f: must be a number, zero or more, such as 0.01, not '1_000'"),
        (Amount(), "010", "f: must be a number, zero or more, such as 0.01, not '010'"),
        (Amount(), ".nan", "f: must be a number, zero or more, such as 0.01, not '.nan'"),
        (Amount(), "-1", "f: must be a number, zero or more, not -1"),
        (Amount(above_zero=True), "0", "f: must be a number above zero, not 0"),
        (Amount(), "1" * 40, "f: too many digits, or too large or small a number"),
        (Amount(), "[1]", "f: must be a number, zero or more, not a list"),
        (Integer(0, 300), "301", "f: must be a whole number from 0 to 300, not 301"),
        (Integer(0, 300), "1.5", "f: must be a whole number from 0 to 300, not '1.5'"),
        (Integer(0, 300), '"300"', "f: must be a whole number from 0 to 300, not '300' (take the quotes away)"),
        (Integer(0, 300), "0x10", "f: must be a whole number from 0 to 300, not '0x10'"),
        (Flag(), "maybe", "f: must be true or false, not 'maybe'"),
        (Flag(), '"true"', "f: must be true or false, not 'true' (take the quotes away)"),
        (Flag(), "null", "f: must be true or false, not nothing"),
        (Text(3), "abcd", "f: must be at most 3 characters long"),
        (Text(), '"  "', "f: must be text, not empty"),
        (Text(), '"a\\nb"', "f: must be text, not 'a\\nb'"),
        (ListOf(Text()), "a", "f: must be a list, not text"),
        (ListOf(Text()), "[a, a]", "f: 'a' is in the list twice"),
        (
            Record({"mode": Text()}),
            "{mod: a}",
            "f.mod: there is no field 'mod'; did you mean 'mode'? (there are: mode)",
        ),
        (Record({"mode": Text()}, required=("mode",)), "{}", "f.mode: is required"),
        (MapOf(Text(), Text()), "{a: 1, a: 2}", "f.a: given twice; the first is on line 1"),
        (Unavailable(), "{stop_loss: 2%}", "f: is not available in this version; leave it out"),
    ],
)
def test_it_refuses_with_place_and_reason(kind, text, fault):
    _, faults = read(kind, text)
    assert faults == [f"t.yaml:1: {fault}"]


def test_it_lists_every_fault_of_a_container():
    _, faults = read(ListOf(Integer(0, 9)), "[a, 5, 99]")
    assert faults == [
        "t.yaml:1: f: must be a whole number from 0 to 9, not 'a'",
        "t.yaml:1: f: must be a whole number from 0 to 9, not 99",
    ]


def test_it_keeps_numbers_as_text_for_domain_functions():
    faults = Faults("t.yaml")
    root = parse("a: [0.10, 1e3, true, null, text]", file="t.yaml")
    assert root is not None
    assert plain(root, At("", faults)) == {"a": ["0.10", "1e3", True, None, "text"]}


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("a: [1, 2\nb: 3", "t.yaml:2: not YAML: expected ',' or ']', but got ':' while parsing a flow sequence"),
        ("a: 1\nb: \x00", "t.yaml:2: not a character of a text: special characters are not allowed"),
        ("a: &x [*x]", "t.yaml:1: an anchor that contains itself"),
        ("x: &x {a: 1}\ny:\n  <<: *x", "t.yaml:3: merge keys (<<) are not understood here; write the fields out"),
        ("x: 1\n[a]: 2", "t.yaml:2: a list or map as a key is not understood here; write the fields out"),
        ("a: 1\n---\nb: 2", "t.yaml:2: not YAML: but found another document expected a single document in the stream"),
        ("[" * 5000, "t.yaml:1: nested too deeply"),
    ],
)
def test_it_names_the_line_that_is_not_understood(text, fault):
    with pytest.raises(ConfigurationFileError) as caught:
        parse(text, file="t.yaml")
    assert [str(error) for error in caught.value.errors] == [fault]


def test_an_empty_document_is_none_and_an_alias_is_what_it_stands_for():
    assert parse("# only a comment", file="t.yaml") is None
    root = parse("a: &x [1]\nb: *x", file="t.yaml")
    assert isinstance(root, Mapping)
    assert plain(root, At("", Faults("t.yaml"))) == {"a": ["1"], "b": ["1"]}
