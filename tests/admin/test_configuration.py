"""Configuration through forms: checked as the file is, known to every process, retired and never deleted."""

from __future__ import annotations

import pytest
from django.contrib.messages import get_messages
from django.urls import reverse

from relay.models import Endpoint, PrivateNetwork
from signals.models import RiskLimit, Source, Strategy
from tests import factories
from tests.admin.conftest import PASSWORD
from tradeops.core import sealed
from tradeops.core.models import ConfigurationVersion

SECRET = "the-secret-of-this-test"


def version() -> int:
    return ConfigurationVersion.objects.values_list("version", flat=True).first() or 0


def source_form(**changes: object) -> dict[str, object]:
    return {
        "slug": "desk", "auth": "token", "new_secret": SECRET, "active": "on", "allowed_ips": "[]", "rate_limit": 300,
        "dedup_seconds": 60, "require": "[]", "respond": "at_once", **changes,
    }  # fmt: skip


def errors(answer) -> str:
    assert answer.status_code == 200, "the form was accepted"
    return str(answer.context["adminform"].form.errors)


def test_a_source_is_made_with_a_token_that_is_kept_as_a_digest_only(boss):
    before = version()
    assert boss.post(reverse("admin:signals_source_add"), source_form()).status_code == 302
    row = Source.objects.get(slug="desk")
    assert row.token_digest == sealed.token_digest(SECRET)
    assert row.secret == ""
    assert version() == before + 1


def test_a_saved_secret_is_never_shown_and_an_empty_field_keeps_it(boss):
    boss.post(reverse("admin:signals_source_add"), source_form())
    row = Source.objects.get(slug="desk")
    url = reverse("admin:signals_source_change", args=[row.pk])
    text = boss.get(url).content.decode()
    assert SECRET not in text
    assert row.token_digest not in text
    assert boss.post(url, source_form(new_secret="", rate_limit=7)).status_code == 302
    row.refresh_from_db()
    assert (row.rate_limit, row.token_digest) == (7, sealed.token_digest(SECRET))


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"new_secret": ""}, "no unauthenticated mode"),
        ({"new_secret": "short"}, "12 characters"),
        ({"slug": "tradingview"}, "a path of its own"),
        ({"allowed_ips": '["10.0.0.0/99"]'}, "neither a network nor an address list"),
        ({"allowed_ips": '{"a": 1}'}, "Give a list"),
        ({"default": "on"}, "for sources that sign"),
    ],
)
def test_a_source_that_would_not_be_safe_is_not_made(boss, changes, told):
    before = version()
    assert told in errors(boss.post(reverse("admin:signals_source_add"), source_form(**changes)))
    assert not Source.objects.filter(auth="token", token_digest=sealed.token_digest(SECRET)).exists()
    assert version() == before


def test_another_way_to_authenticate_needs_a_secret_of_its_own(boss):
    boss.post(reverse("admin:signals_source_add"), source_form())
    url = reverse("admin:signals_source_change", args=[Source.objects.get(slug="desk").pk])
    assert "no unauthenticated mode" in errors(boss.post(url, source_form(auth="hmac", new_secret="")))
    assert boss.post(url, source_form(auth="hmac", new_secret="another-secret-of-it")).status_code == 302
    row = Source.objects.get(slug="desk")
    assert (row.auth, row.secret, row.token_digest) == ("hmac", "another-secret-of-it", "")


def endpoint_form(**changes: object) -> dict[str, object]:
    return {
        "slug": "vps-9", "url": "https://vps.example.com/webhook", "new_secret": SECRET, "active": "on",
        "timeout_seconds": 10, "tags": "[]", "headers": "{}", "symbols": "{}", "receives": ["signals"], **changes,
    }  # fmt: skip


def test_an_endpoint_is_made(boss):
    before = version()
    assert boss.post(reverse("admin:relay_endpoint_add"), endpoint_form()).status_code == 302
    assert Endpoint.objects.get(slug="vps-9").secret == SECRET
    assert version() > before


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"url": "http://vps.example.com/webhook"}, "https"),
        ({"new_secret": "short"}, "12 characters"),
        ({"new_secret": ""}, "no unauthenticated mode"),
        ({"receives": ["everything"]}, "not one of the available choices"),
    ],
)
def test_an_endpoint_that_would_not_be_safe_is_not_made(boss, changes, told):
    assert told in errors(boss.post(reverse("admin:relay_endpoint_add"), endpoint_form(**changes)))
    assert not Endpoint.objects.filter(slug="vps-9").exists()


def test_a_refused_form_does_not_change_a_stored_secret(boss, home):
    url = reverse("admin:relay_endpoint_change", args=[home.endpoint.pk])
    before = home.endpoint.secret
    assert "https" in errors(
        boss.post(url, endpoint_form(url="http://vps.example.com/", new_secret="a-brand-new-secret"))
    )
    home.endpoint.refresh_from_db()
    assert home.endpoint.secret == before


def strategy_form(**changes: object) -> dict[str, object]:
    return {
        "slug": "swing", "mode": "paper", "engine": "A", "opposite": "reverse", "pyramiding": 0,
        "symbols": '{"BTCUSDT": "BTC/USDT"}', "sizing_mode": "fixed_quantity", "sizing_value": "0.01", "prices": "",
        "max_price_age_seconds": 60, "max_age_seconds": 60, "exit_max_age_seconds": 3600, **changes,
    }  # fmt: skip


def test_a_strategy_is_made_with_exact_numbers(boss):
    assert boss.post(reverse("admin:signals_strategy_add"), strategy_form(sizing_value="0.10")).status_code == 302
    assert str(Strategy.objects.get(slug="swing").sizing_value) in ("0.1", "0.10")


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"symbols": '{"BTCUSDT": {"multiplier": "2"}}'}, "give a symbol"),
        ({"symbols": '["BTCUSDT"]'}, "Give a map"),
        ({"sizing_value": ""}, "needs a value"),
        ({"sizing_value": "-1"}, "above zero"),
        ({"sizing_mode": "all_in"}, "not one of the available choices"),
        ({"engine": "Z"}, "not one of the available choices"),
    ],
)
def test_a_strategy_that_makes_no_sense_is_not_made(boss, changes, told):
    assert told in errors(boss.post(reverse("admin:signals_strategy_add"), strategy_form(**changes)))
    assert not Strategy.objects.filter(slug="swing").exists()


def limit_form(**changes: object) -> dict[str, object]:
    return {"scope": "global", "key": "", "rule": "max_order_notional", "value": '"500"', **changes}


def test_a_limit_is_made_and_taken_away(boss, home):
    before = version()
    assert boss.post(reverse("admin:signals_risklimit_add"), limit_form()).status_code == 302
    row = RiskLimit.objects.get()
    assert row.value == "500"
    url = reverse("admin:signals_risklimit_delete", args=[row.pk])
    assert boss.post(url, {"post": "yes"}).status_code == 302
    assert not RiskLimit.objects.exists()
    assert version() == before + 2


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"value": '"much"'}, "max_order_notional"),
        ({"scope": "strategy", "key": "nobody"}, "There is no strategy"),
        ({"scope": "account", "key": ""}, "Name the account"),
        ({"key": "trend"}, "leave this empty"),
    ],
)
def test_a_limit_that_makes_no_sense_is_not_made(boss, home, changes, told):
    assert told in errors(boss.post(reverse("admin:signals_risklimit_add"), limit_form(**changes)))
    assert not RiskLimit.objects.exists()


def test_a_private_network_must_be_one(boss):
    assert "Not a network" in errors(boss.post(reverse("admin:relay_privatenetwork_add"), {"cidr": "10.0.0.1/8"}))
    assert not PrivateNetwork.objects.exists()


# Retiring ----------------------------------------------------------------------------------------------------------


def retire(client, name: str, pk: int, password: str = PASSWORD):
    return client.post(f"/admin/{name}/{pk}/retire/", {"confirm_password": password}, follow=True)


def told(answer) -> str:
    return " ".join(str(message) for message in get_messages(answer.wsgi_request))


@pytest.mark.parametrize("name", ["signals/source", "signals/strategy", "accounts/account", "relay/endpoint"])
def test_configuration_is_not_deleted(boss, home, name):
    row = {"source": home.source, "strategy": home.strategy, "account": home.accounts[0], "endpoint": home.endpoint}
    pk = row[name.partition("/")[2]].pk
    assert boss.post(f"/admin/{name}/{pk}/delete/", {"post": "yes"}).status_code == 403


def test_a_source_is_retired_after_the_password_only(boss, home):
    before = version()
    assert retire(boss, "signals/source", home.source.pk, "wrong").status_code == 200
    home.source.refresh_from_db()
    assert (home.source.active, home.source.retired_at, version()) == (True, None, before)
    retire(boss, "signals/source", home.source.pk)
    home.source.refresh_from_db()
    assert home.source.active is False
    assert home.source.retired_at is not None
    assert version() == before + 1


def test_a_get_retires_nothing(boss, home):
    assert boss.get(f"/admin/signals/source/{home.source.pk}/retire/").status_code == 200
    home.source.refresh_from_db()
    assert home.source.retired_at is None


@pytest.mark.parametrize("name", ["signals/strategy", "accounts/account"])
def test_what_holds_a_position_is_not_retired(boss, home, name):
    row = home.strategy if name == "signals/strategy" else home.accounts[0]
    answer = retire(boss, name, row.pk)
    row.refresh_from_db()
    assert row.retired_at is None
    assert "close it first" in " ".join(str(message) for message in answer.context["messages"])
    home.strategy.positions.update(is_open=False)
    retire(boss, name, row.pk)
    row.refresh_from_db()
    assert row.retired_at is not None


def test_an_account_keeps_its_slug_and_broker(boss, home):
    account = factories.account("paper-9")
    url = reverse("admin:accounts_account_change", args=[account.pk])
    form = {
        "slug": "other", "client": account.client_id, "broker": "okx", "market": "spot", "active": "on",
        "currency": "USDT", "prices": "", "fee_bps": "10", "initial_balances": '{"USDT": "1"}', "base_url": "",
    }  # fmt: skip
    assert boss.post(url, form).status_code == 302
    account.refresh_from_db()
    assert (account.slug, account.broker, account.fee_bps) == ("paper-9", "paper", 10)


def test_an_account_that_its_broker_cannot_have_is_not_made(boss, home):
    from accounts.models import Account

    form = {
        "slug": "swap-1", "client": home.accounts[0].client_id, "broker": "paper", "market": "option", "active": "on",
        "currency": "USDT", "prices": "", "fee_bps": "10", "initial_balances": "{}", "base_url": "",
    }  # fmt: skip
    assert "trades spot" in errors(boss.post(reverse("admin:accounts_account_add"), form))
    assert not Account.objects.filter(slug="swap-1").exists()
