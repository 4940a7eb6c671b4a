"""One-time codes: sealed at rest, throttled, each good once (N3, U5)."""

from __future__ import annotations

from base64 import b32decode
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from django.core import serializers
from django_otp.oath import TOTP
from django_otp.plugins.otp_totp.models import TOTPDevice

from accounts import second_factor
from accounts.models import Operator
from relay.models import Message
from tradeops.core.errors import ConfigurationError, Conflict, Refused


@pytest.fixture
def ann(db):
    return Operator.objects.create_user("ann", password="a-password-of-this-test")


def code(secret: str, at: datetime) -> str:
    """As an authenticator app makes it."""
    totp = TOTP(b32decode(secret))
    totp.time = at.timestamp()
    return f"{totp.token():06d}"


def other_than(right: str) -> str:
    return f"{(int(right) + 1) % 1_000_000:06d}"


@pytest.fixture
def now():
    return datetime(2026, 3, 2, 14, 30, 5, tzinfo=UTC)


@pytest.fixture
def secret(ann, now):
    """Ann's, taken into use two minutes ago."""
    made = second_factor.begin(person=ann)
    before = now - timedelta(minutes=2)
    second_factor.confirm(person=ann, code=code(made.secret, before), now=before)
    return made.secret


def test_what_the_app_is_told(ann):
    made = second_factor.begin(person=ann)
    address = urlsplit(made.uri)
    assert (address.scheme, address.netloc, address.path) == ("otpauth", "totp", "/TradeOps%3Aann")
    assert parse_qs(address.query) == {
        "secret": [made.secret], "issuer": ["TradeOps"], "digits": ["6"], "period": ["30"],
    }  # fmt: skip
    assert len(b32decode(made.secret)) == 20


def test_nothing_counts_before_a_code_of_it_was_seen(ann, now):
    made = second_factor.begin(person=ann)
    assert not second_factor.enrolled(ann)
    with pytest.raises(Refused, match="no authenticator yet"):
        second_factor.verify(person=ann, code=code(made.secret, now), now=now)
    with pytest.raises(Refused, match="wrong"):
        second_factor.confirm(person=ann, code=other_than(code(made.secret, now)), now=now)
    assert not second_factor.enrolled(ann)
    assert not Message.objects.filter(event="operator.authenticator_enrolled").exists()


def test_a_right_code_is_good_once(ann, secret, now):
    right = code(secret, now)
    second_factor.verify(person=ann, code=right, now=now)
    with pytest.raises(Refused, match="wrong, late or used already"):
        second_factor.verify(person=ann, code=right, now=now)


def test_a_code_is_good_for_the_step_before_and_after_and_no_longer(ann, secret, now):
    with pytest.raises(Refused, match="wrong"):
        second_factor.verify(person=ann, code=code(secret, now - timedelta(seconds=90)), now=now)
    later = now + timedelta(seconds=10)
    second_factor.verify(person=ann, code=code(secret, later - timedelta(seconds=30)), now=later)


@pytest.mark.parametrize("given", ["", "12345", "1234567", "abcdef", "١٢٣٤٥٦", " 12345", "-12345"])
def test_what_is_no_code_is_wrong(ann, secret, now, given):
    with pytest.raises(Refused, match="wrong"):
        second_factor.verify(person=ann, code=given, now=now)


def test_wrong_codes_cost_time_that_doubles_and_the_right_one_waits_too(ann, secret, now):
    right = code(secret, now)
    with pytest.raises(Refused, match="wrong"):
        second_factor.verify(person=ann, code=other_than(right), now=now)
    with pytest.raises(Refused, match="too many wrong codes: wait 1 s"):
        second_factor.verify(person=ann, code=right, now=now)
    row = TOTPDevice.objects.get(user=ann)
    assert row.throttling_failure_count == 1  # who must wait is not counted again
    TOTPDevice.objects.update(throttling_failure_count=5)
    with pytest.raises(Refused, match="wait 16 s"):
        second_factor.verify(person=ann, code=right, now=now)
    assert TOTPDevice.objects.get(user=ann).last_t == row.last_t
    second_factor.verify(person=ann, code=code(secret, now + timedelta(seconds=16)), now=now + timedelta(seconds=16))
    assert TOTPDevice.objects.get(user=ann).throttling_failure_count == 0


def test_the_secret_is_nowhere_in_the_database_and_opens_for_its_person_only(ann, secret, now):
    raw = b32decode(secret)
    stored = serializers.serialize("json", TOTPDevice.objects.all())
    for form in (secret, raw.hex(), raw.decode("latin-1")):
        assert form not in stored
    bob = Operator.objects.create_user("bob", password="a-password-of-this-test")
    TOTPDevice.objects.update(user=bob)
    with pytest.raises(ConfigurationError, match="damaged or moved"):
        second_factor.verify(person=bob, code=code(secret, now), now=now)


def test_another_one_is_not_set_up_over_it(ann, secret, now):
    with pytest.raises(Conflict, match="remove it first"):
        second_factor.begin(person=ann)
    second_factor.verify(person=ann, code=code(secret, now), now=now)


def test_setting_up_and_removing_are_told_without_the_secret(ann, secret, now):
    assert second_factor.remove(person=ann, by="boss", now=now)
    assert not second_factor.remove(person=ann, by="boss", now=now)
    told = list(Message.objects.filter(event__startswith="operator.").order_by("pk").values_list("title", flat=True))
    assert told == ["The authenticator of ann was enrolled by ann", "The authenticator of ann was removed by boss"]
    assert secret not in serializers.serialize("json", Message.objects.all())


def test_wrong_codes_in_a_row_are_told(ann, secret, now):
    def told():
        return list(Message.objects.filter(event="operator.wrong_codes").order_by("pk").values_list("level", "title"))

    at = now
    for number in range(1, 11):
        with pytest.raises(Refused, match="wrong"):
            second_factor.verify(person=ann, code=other_than(code(secret, at)), now=at)
        at += timedelta(seconds=2**number)
        assert len(told()) == (0 if number < 3 else 1 if number < 10 else 2)
    assert told() == [
        ("warning", "3 wrong one-time codes in a row for ann: it may be somebody else who tries"),
        ("critical", "10 wrong one-time codes in a row for ann: it may be somebody else who tries"),
    ]
