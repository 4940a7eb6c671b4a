"""A source's page: what a sender needs, what is missing, and a secret that is shown once."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.urls import reverse

from signals.intake import sources
from signals.models import AddressList, Source
from tests.admin.conftest import PASSWORD
from tests.admin.test_configuration import errors, source_form
from tradeops.core import clock


@pytest.fixture
def source(boss):
    # A transactional test before this one may have emptied what the migration seeded.
    AddressList.objects.get_or_create(slug="tradingview", defaults={"networks": ["52.89.214.238/32"]})
    boss.post(reverse("admin:signals_source_add"), source_form())
    return Source.objects.get(slug="desk")


def page(boss, source) -> str:
    return boss.get(reverse("admin:signals_source_change", args=[source.pk])).content.decode()


def rotate(boss, source, **form):
    return boss.post(reverse("admin:signals_source_rotate_action", args=[source.pk]), {"overlap": "3600", **form})


@pytest.mark.parametrize("auth", ["token", "hmac", "standard"])
def test_a_rotation_shows_the_secret_once_with_what_the_sender_needs(boss, source, auth, settings):
    Source.objects.filter(pk=source.pk).update(
        auth=auth, **({} if auth == "token" else {"secret": "the-signing-key-of-it", "token_digest": ""})
    )
    answer = rotate(boss, source, confirm_password=PASSWORD)
    assert answer.status_code == 200
    assert "no-store" in answer["Cache-Control"]
    secret = answer.context["secret"]
    row = Source.objects.get()
    assert sources.has_secret(source=row, secret=secret)
    assert row.previous_until - clock.now() > timedelta(minutes=59)
    text = answer.content.decode()
    assert secret in text.replace("&#x2B;", "+")
    texts = "\n".join(one.text for one in answer.context["texts"])
    assert f"{settings.ENV.base_url}/webhook/desk" in texts
    if auth == "token":
        assert f"/webhook/desk/{secret}" in texts
        assert f'"token": "{secret}"' in texts
        assert '"timestamp": "{{timenow}}"' in texts
    else:
        assert secret not in texts  # a signing key goes into no message
    assert secret not in page(boss, source)


def test_it_asks_for_the_password_first_and_changes_nothing_before(boss, source):
    before = Source.objects.values().get()
    for form in ({}, {"confirm_password": "not-the-password"}):
        text = rotate(boss, source, **form).content.decode()
        assert "Rotate the secret of desk?" in text
        assert "stays good for an hour" in text
    assert rotate(boss, source, overlap="60", confirm_password=PASSWORD).status_code == 200  # no such choice
    assert Source.objects.values().get() == before


def test_the_previous_secret_is_shown_by_its_end_and_can_be_ended(boss, source):
    end = reverse("admin:signals_source_end_previous_action", args=[source.pk])
    assert boss.post(end, {"confirm_password": PASSWORD}).status_code == 403  # there is none
    assert end not in page(boss, source)
    rotate(boss, source, confirm_password=PASSWORD)
    until = f"until {Source.objects.get().previous_until:%Y-%m-%d %H:%M} UTC"
    assert until in page(boss, source)
    assert end in page(boss, source)
    assert until in boss.get(end).content.decode()
    assert Source.objects.get().previous_until is not None
    assert boss.post(end, {"confirm_password": PASSWORD}).status_code == 302
    assert Source.objects.get().previous_until is None
    assert until not in page(boss, source)


def test_the_page_says_what_is_missing(boss, source):
    text = page(boss, source)
    for hint in ("It feeds no strategy that is on", "Any address may send", "TRADEOPS_PUBLIC_URL is not set"):
        assert hint in text
    Source.objects.filter(pk=source.pk).update(active=False, allowed_ips=["tradingview"], expect_every=60)
    text = page(boss, source)
    assert "It is off: every message is refused." in text
    assert "Any address may send" not in text
    assert "Its silence goes unnoticed" not in text


def test_answer_silence_and_required_fields_are_edited(boss, source):
    url = reverse("admin:signals_source_change", args=[source.pk])
    more = {"respond": "delivery", "expect_every": "900", "require": '["timeframe"]', "new_secret": ""}
    assert boss.post(url, source_form(**more)).status_code == 302
    row = Source.objects.get()
    assert (row.respond, row.expect_every, row.require) == ("delivery", 900, ["timeframe"])


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"respond": "delivery", "allowed_ips": '["tradingview"]'}, "not for TradingView"),
        ({"require": '{"a": 1}'}, "Give a list of field names"),
        ({"require": '["no name"]'}, "Give a list of field names"),
        ({"expect_every": "0"}, "greater than or equal to 1"),
    ],
)
def test_what_would_not_work_is_refused(boss, source, changes, told):
    url = reverse("admin:signals_source_change", args=[source.pk])
    assert told in errors(boss.post(url, source_form(new_secret="", **changes)))
    assert Source.objects.get().respond == "at_once"
