"""One-time codes that link a Telegram chat to an operator (N3)."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core import serializers

from accounts import linking
from accounts.models import Operator, TelegramCode, TelegramLink
from relay.models import Message
from tests.factories import NOW
from tradeops.core.errors import Refused


@pytest.fixture
def ann(db):
    return Operator.objects.create_user("ann", password="a-password-of-this-test")


def link(code, *, chat=7, now=NOW):
    return linking.link(code=code, chat_id=chat, name="Ann", now=now)


def reason(code, **how):
    with pytest.raises(Refused) as caught:
        link(code, **how)
    return caught.value.code


def test_a_code_links_once(ann):
    code = linking.new_code(person=ann, now=NOW)
    row = link(code.lower())
    assert (row.operator, row.chat_id, row.ended_at) == (ann, 7, None)
    assert linking.of_chat(7).operator == ann
    assert reason(code, chat=8) == "used_code"
    assert linking.of_chat(8) is None


def test_only_its_hash_is_kept(ann):
    code = linking.new_code(person=ann, now=NOW)
    assert len(code) == 12
    assert code not in serializers.serialize("json", TelegramCode.objects.all())


def test_a_late_an_unknown_and_a_former_operators_code_link_nothing(ann):
    code = linking.new_code(person=ann, now=NOW)
    assert reason(code, now=NOW + timedelta(minutes=10)) == "late_code"
    assert reason("NOSUCHCODE22") == "unknown_code"
    Operator.objects.update(is_active=False)
    assert reason(code) == "inactive"
    assert not TelegramLink.objects.exists()
    assert TelegramCode.objects.get().used_at is None


def test_a_new_code_ends_the_one_before(ann):
    first, second = (linking.new_code(person=ann, now=NOW) for _ in range(2))
    assert reason(first) == "late_code"
    assert link(second).operator == ann


def test_a_former_operator_has_no_chat(ann):
    link(linking.new_code(person=ann, now=NOW))
    Operator.objects.update(is_active=False)
    assert linking.of_chat(7) is None


def test_a_chat_is_one_operators(ann):
    link(linking.new_code(person=ann, now=NOW))
    bob = Operator.objects.create_user("bob", password="a-password-of-this-test")
    link(linking.new_code(person=bob, now=NOW))
    assert linking.of_chat(7).operator == bob
    assert TelegramLink.objects.filter(operator=ann, ended_at=NOW).count() == 1


def test_linking_and_unlinking_are_told(ann):
    row = link(linking.new_code(person=ann, now=NOW))
    assert linking.unlink(row=row, by="boss", now=NOW)
    assert not linking.unlink(row=row, by="boss", now=NOW)
    told = list(Message.objects.filter(event__startswith="telegram.").order_by("pk").values_list("title", flat=True))
    assert told == ["A Telegram chat was linked for ann by ann", "A Telegram chat was unlinked for ann by boss"]
