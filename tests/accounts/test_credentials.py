"""Setting, judging and erasing the credentials of accounts (X9)."""

import json

import pytest
from django.core import serializers

from accounts import credentials, services, vault
from accounts.models import Account, Credential
from tests import factories
from tests.accounts.conftest import VALUES
from tests.factories import NOW
from tradeops.core.errors import ConfigurationError, Refused


def store(account, values=VALUES, **given):
    return credentials.store(account=account, values=values, **{"by": "ann", "now": NOW, **given})


def test_they_are_sealed_at_once_and_a_test_is_asked_for(account, told):
    row = store(account, {**VALUES, "api_key": "  the-api-key\n", "sub_account": ""})
    assert vault.open_for(account) == VALUES
    assert (row.names, row.host, row.set_by, row.set_at) == (
        ["api_key", "passphrase", "secret"], "sandbox.venue.test", "ann", NOW,
    )  # fmt: skip
    assert (row.test_asked_at, row.next_check_at, row.checked_at, row.problem) == (NOW, NOW, None, "")
    assert told == [("account.credentials_set", "warning", "The credentials of real-1 were set by ann")]


def test_no_value_is_in_the_row_its_words_or_its_serialised_form(account):
    row = store(account)
    for text in (repr(row), str(row), json.dumps(serializers.serialize("json", [row]))):
        for value in VALUES.values():
            assert value not in text


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({}, "the broker 'keyed' also needs api_key, secret, passphrase"),
        ({**VALUES, "secret": "   "}, "the broker 'keyed' also needs secret"),
        (
            {**VALUES, "extra": "a-secret-value"},
            "the broker 'keyed' takes api_key, secret, passphrase, sub_account, not extra",
        ),
        ({**VALUES, "secret": "x" * 8193}, "secret is not what a venue gives: it is too long, or has a NUL in it"),
        ({**VALUES, "secret": "a\0b"}, "secret is not what a venue gives: it is too long, or has a NUL in it"),
    ],
)  # fmt: skip
def test_what_is_missing_or_unknown_is_named_and_no_value_repeated(account, values, said):
    with pytest.raises(ConfigurationError) as caught:
        store(account, values)
    assert str(caught.value) == said
    assert not Credential.objects.exists()


def test_a_broker_without_keys_takes_none(db):
    with pytest.raises(ConfigurationError, match="the broker 'paper' takes no credentials"):
        store(factories.account(), VALUES)


def test_an_account_that_leads_to_plain_http_takes_none(account):
    Account.objects.filter(pk=account.pk).update(base_url="http://venue.test")
    account.refresh_from_db()
    with pytest.raises(ConfigurationError, match="use https"):
        store(account)
    account.base_url = "http://127.0.0.1:9555"
    account.save()
    assert store(account).host == "http://127.0.0.1:9555"


def test_the_same_again_keeps_the_row_and_asks_for_a_test(account, told):
    first = store(account)
    Credential.objects.update(test_asked_at=None, checked_at=NOW)
    del told[:]
    again = store(account, now=NOW.replace(hour=20))
    assert Credential.objects.get().sealed == first.sealed == again.sealed
    assert Credential.objects.get().test_asked_at == NOW.replace(hour=20)
    assert told == []


def test_new_ones_end_what_was_known_of_the_old(account):
    store(account)
    Credential.objects.update(problem="bad", facts={"withdraw": True}, checked_at=NOW, test_result="bad", tested_at=NOW)
    row = store(account, {**VALUES, "secret": "another-secret"})
    assert (row.problem, row.facts, row.checked_at, row.test_result, row.tested_at) == ("", {}, None, "", None)
    assert vault.open_for(account)["secret"] == "another-secret"


@pytest.mark.parametrize(
    ("changes", "because"),
    [
        ({"base_url": "https://elsewhere.test"}, "its base_url changed"),
        ({"sandbox": False}, "its sandbox changed"),
        ({"base_url": "https://elsewhere.test", "sandbox": False}, "its base_url and sandbox changed"),
        ({"broker": "paper", "market": "spot", "sandbox": False}, "its broker and sandbox changed"),
    ],
)
def test_an_account_led_elsewhere_loses_them_and_it_is_told(account, told, changes, because):
    store(account)
    del told[:]
    services.update(account=account, changes=changes, by="ann", now=NOW)
    assert not Credential.objects.exists()
    assert vault.open_for(account) == {}
    assert told == [
        (
            "account.credentials_erased",
            "error",
            f"The credentials of real-1 were erased because {because}; without new ones it cannot trade",
        )
    ]


def test_other_changes_keep_them(account, told):
    store(account)
    del told[:]
    services.update(account=account, changes={"leverage": 3, "margin_mode": "isolated"}, by="ann", now=NOW)
    assert vault.open_for(account) == VALUES
    assert told == []


def test_a_change_that_is_refused_erases_nothing(account):
    store(account)
    with pytest.raises(ConfigurationError):
        services.update(account=account, changes={"base_url": "http://elsewhere.test"}, by="ann", now=NOW)
    assert Credential.objects.exists()
    assert Account.objects.get(pk=account.pk).base_url == ""


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"base_url": "ftp://venue.test"}, "is not an address such as https://www.okx.com"),
        ({"base_url": "https://user:word@venue.test"}, "base_url: leave user and password out"),
        ({"base_url": "http://10.0.0.1"}, "base_url: use https"),
        ({"base_url": "http://127.0.0.1.evil.test"}, "base_url: use https"),
        ({"leverage": 0}, "leverage must be 1 or more"),
        ({"leverage": 3, "market": "spot"}, "leverage cannot be set on spot"),
        (
            {"broker": "alpaca", "market": "spot", "sandbox": False, "leverage": 2},
            "leverage cannot be set by the broker",
        ),
        ({"broker": "alpaca", "market": "spot", "sandbox": False, "margin_mode": "isolated"}, "has no margin mode"),
    ],
)
def test_an_account_that_asks_for_what_cannot_be_is_refused(account, fields, said):
    with pytest.raises(ConfigurationError, match=said):
        services.update(account=account, changes=fields, by="ann", now=NOW)


class TestProblem:
    """What keeps entries from an account, as its decision says it."""

    def test_none_with_credentials_in_the_sandbox(self, account):
        store(account)
        assert credentials.problem_of(account) == ""

    def test_a_paper_account_needs_none(self, db):
        assert credentials.problem_of(factories.account()) == ""

    def test_none_set(self, account):
        assert credentials.problem_of(account) == "without credentials: set them on its page"

    def test_what_the_venue_said(self, account):
        store(account)
        Credential.objects.update(problem="the key is wrong")
        account = Account.objects.select_related("credential").get(pk=account.pk)
        assert credentials.problem_of(account) == "without usable credentials: the key is wrong"

    @pytest.mark.parametrize(
        ("facts", "checked", "said"),
        [
            ({}, None, "waiting for the test of its connection: until then it is not known what its key may do"),
            ({"trade": True, "withdraw": None}, NOW,
             "without a key whose permissions are known: the venue does not tell about withdraw"),
            ({"trade": None, "withdraw": None}, NOW,
             "without a key whose permissions are known: the venue does not tell about trade and withdraw"),
            ({"trade": True, "withdraw": False}, NOW, ""),
        ],
    )  # fmt: skip
    def test_unknown_permissions_are_refused_for_live_only(self, account, settings, facts, checked, said):
        store(account)
        Credential.objects.update(facts=facts, checked_at=checked)
        for trading, sandbox, expected in (("paper", False, ""), ("live", True, ""), ("live", False, said)):
            settings.TRADING = trading
            Account.objects.update(sandbox=sandbox)
            row = Account.objects.select_related("credential").get(pk=account.pk)
            assert credentials.problem_of(row) == expected

    def test_it_costs_no_query_where_the_row_was_read_with_it(self, account, django_assert_num_queries):
        store(account)
        row = Account.objects.select_related("credential").get(pk=account.pk)
        with django_assert_num_queries(0):
            credentials.problem_of(row)


class TestFreeze:
    def test_a_reason_a_name_and_a_time_are_kept_and_told(self, account, told):
        assert services.freeze(account=account, reason="the books differ", by="ann", now=NOW) is True
        row = Account.objects.get(pk=account.pk)
        assert (row.frozen_reason, row.frozen_by, row.frozen_at) == ("the books differ", "ann", NOW)
        assert told == [("account.frozen", "critical", "real-1 is frozen by ann: the books differ")]

    def test_the_first_reason_stays(self, account, told):
        services.freeze(account=account, reason="first", by="ann", now=NOW)
        assert services.freeze(account=account, reason="second", by="bob", now=NOW) is False
        assert Account.objects.get(pk=account.pk).frozen_reason == "first"
        assert len(told) == 1

    def test_unfreezing_says_who_froze_it_and_why(self, account, told):
        services.freeze(account=account, reason="the books differ", by="ann", now=NOW)
        assert services.unfreeze(account=account, reason="looked at it", by="bob", now=NOW) is True
        row = Account.objects.get(pk=account.pk)
        assert (row.frozen_reason, row.frozen_by, row.frozen_at) == ("", "", None)
        assert told[-1] == (
            "account.unfrozen",
            "warning",
            "real-1 is unfrozen by bob: looked at it (it was frozen by ann: the books differ)",
        )
        assert services.unfreeze(account=account, reason="again", by="bob", now=NOW) is False

    def test_no_reason_no_freeze(self, account, told):
        for change in (services.freeze, services.unfreeze):
            with pytest.raises(Refused):
                change(account=account, reason=" ", by="ann", now=NOW)
        assert told == []

    def test_a_form_that_was_opened_before_does_not_unfreeze(self, account):
        opened = Account.objects.get(pk=account.pk)
        services.freeze(account=account, reason="the books differ", by="ann", now=NOW)
        services.update(account=opened, changes={"dry_run": True}, by="bob", now=NOW)
        row = Account.objects.get(pk=account.pk)
        assert (row.dry_run, row.frozen_reason) == (True, "the books differ")
