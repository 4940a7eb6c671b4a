"""Accounts at venues in the file: credentials, where they may go, and what becomes of them in an export."""

import dataclasses
import re

import pytest

from accounts import vault
from accounts.models import Account, Credential
from signals.models import Strategy
from tests.config.portal import apply, faults, lines
from tests.fakes import keyed_broker
from tradeops.config import export
from tradeops.core import vault_key

KEYS = {"api_key": "file-api-key-value", "secret": "file-secret-value", "passphrase": "12345678"}
ACCOUNT = """\
accounts:
  - slug: real-1
    broker: keyed
    market: swap
    sandbox: true
    base_url: http://127.0.0.1:9555
    credentials: {api_key: file-api-key-value, secret: file-secret-value, passphrase: 12345678}
    leverage: 3
    margin_mode: isolated
    external_trades: block
"""
pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _venue(settings):
    settings.BROKERS = {**settings.BROKERS, "keyed": "tests.fakes.keyed_broker.KeyedBroker"}
    keyed_broker.reset()


def row():
    return Account.objects.get(slug="real-1")


def clear():
    Credential.objects.all().delete()
    Account.objects.all().delete()


def test_the_specifications_own_account_is_read():
    assert lines(ACCOUNT) == ["+ account real-1"]
    found = row()
    assert (found.leverage, found.margin_mode, found.external_trades) == (3, "isolated", "block")
    assert vault.open_for(found) == KEYS
    stored = Credential.objects.get()
    assert (stored.host, stored.set_by) == ("http://127.0.0.1:9555", "the configuration file")


def test_applied_again_it_changes_nothing():
    apply(ACCOUNT)
    sealed = Credential.objects.get().sealed
    assert lines(ACCOUNT) == ["= nothing to do"]
    assert Credential.objects.get().sealed == sealed


def test_a_dry_run_stores_nothing():
    assert lines(ACCOUNT, dry_run=True)[0] == "+ account real-1"
    assert not Account.objects.exists()
    apply(ACCOUNT)
    assert (
        lines(ACCOUNT.replace("file-secret", "other-secret"), dry_run=True)[0]
        == "~ account real-1: credentials (changed)"
    )
    assert vault.open_for(row()) == KEYS


def test_a_changed_part_is_told_without_its_value():
    apply(ACCOUNT)
    said = lines(ACCOUNT.replace("file-secret-value", "other-secret-value"))
    assert said == ["~ account real-1: credentials (changed)"]
    assert vault.open_for(row())["secret"] == "other-secret-value"


def test_left_out_they_stay():
    apply(ACCOUNT)
    assert lines(re.sub(".*credentials.*\n", "", ACCOUNT)) == ["= nothing to do"]
    assert vault.open_for(row()) == KEYS


def test_an_account_led_elsewhere_loses_them_and_the_diff_says_so():
    apply(ACCOUNT)
    said = lines(re.sub(".*credentials.*\n", "", ACCOUNT).replace("9555", "9556"))
    assert said == [
        "~ account real-1: credentials set → erased: the account leads elsewhere now; give its new ones",
        "~ account real-1: base_url http://127.0.0.1:9555 → http://127.0.0.1:9556",
    ]
    assert not Credential.objects.exists()


def test_led_elsewhere_with_its_keys_in_the_same_file_it_has_them_there():
    apply(ACCOUNT)
    said = lines(ACCOUNT.replace("9555", "9556"))
    assert sorted(said) == [
        "~ account real-1: base_url http://127.0.0.1:9555 → http://127.0.0.1:9556",
        "~ account real-1: credentials (changed)",
    ]
    assert vault.open_for(row()) == KEYS
    assert Credential.objects.get().host == "http://127.0.0.1:9556"


def test_each_part_may_be_named(monkeypatch, tmp_path):
    monkeypatch.setenv("REAL_1_KEY", KEYS["api_key"])
    (tmp_path / "secret").write_text(KEYS["secret"] + "\n")
    named = "{api_key: {env: REAL_1_KEY}, secret: {file: secret}, passphrase: 12345678}"
    apply(re.sub("credentials: .*", f"credentials: {named}", ACCOUNT), folder=tmp_path)
    assert vault.open_for(row()) == KEYS


def given(credentials):
    return re.sub("    credentials: .*\n", f"    credentials: {credentials}\n" if credentials else "", ACCOUNT)


@pytest.mark.parametrize(
    ("credentials", "said"),
    [
        ("", "portal.yaml:2: accounts[real-1].credentials: is required for a new account of the broker keyed"),
        ("{api_key: k, secret: s}", "portal.yaml:2: accounts[real-1]: the broker 'keyed' also needs passphrase"),
        ("{api_key: k, secret: s, passphrase: p, extra: e}",
         "portal.yaml:2: accounts[real-1]: the broker 'keyed' takes api_key, secret, passphrase, sub_account, "
         "not extra"),
        ("{api_key: k, secrets: s, passphrase: p}",
         "portal.yaml:7: accounts[real-1].credentials.secrets: there is no credential 'secrets'; "
         "did you mean 'secret'? (there are: api_key, extra, passphrase, secret, sub_account)"),
        ("hunter2-hunter2", "portal.yaml:7: accounts[real-1].credentials: must be a map such as "
         "{api_key: {env: NAME}, secret: {env: NAME}}, not text"),
        ("{api_key: {env: NO_SUCH_NAME_HERE}, secret: s, passphrase: p}",
         "portal.yaml:7: accounts[real-1].credentials.api_key: the environment variable NO_SUCH_NAME_HERE is not set"),
        ("{api_key: null, secret: s, passphrase: p}", "portal.yaml:7: accounts[real-1].credentials.api_key: "
         "must be a secret: {env: NAME} or {file: PATH}, not nothing"),
        ("{stored: true}",
         "portal.yaml:2: accounts[real-1].credentials: there is no stored secret to keep; give it as {env: NAME}"),
        ("{sealed: x}", "portal.yaml:7: accounts[real-1].credentials.names: is required"),
        ("{sealed: x, names: [api_key, passphrase, secret]}",
         "portal.yaml:2: accounts[real-1]: the sealed credentials are not in a form this version can read"),
        ("{sealed: 'v1:00000000:AAAA', names: [api_key, passphrase, secret]}",
         "portal.yaml:2: accounts[real-1]: they were sealed for another vault: TRADEOPS_VAULT_PUBLIC_KEY does not have "
         "that key; give them as {env: NAME}"),
        ("{sealed: 'v1:00000000:AAAA', names: [api_key]}",
         "portal.yaml:2: accounts[real-1]: these are not the credentials that the broker 'keyed' needs"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_them_is_named(credentials, said):
    assert faults(given(credentials)) == [said]
    assert not Account.objects.exists()


def test_written_out_they_are_refused_in_production(settings):
    settings.PRODUCTION = True
    said = faults(ACCOUNT)
    assert [line.partition(": ")[2].partition(": ")[0] for line in said] == [
        f"accounts[real-1].credentials.{name}" for name in ("api_key", "secret", "passphrase")
    ]
    assert all("is refused in production; use {env: NAME}" in line for line in said)
    assert not any(value in line for value in KEYS.values() for line in said)


def test_production_without_a_vault_names_the_variable(settings, monkeypatch):
    for name, value in KEYS.items():
        monkeypatch.setenv(f"REAL_{name.upper()}", value)
    settings.PRODUCTION = True
    settings.ENV = dataclasses.replace(settings.ENV, kind="production")
    named = "{api_key: {env: REAL_API_KEY}, secret: {env: REAL_SECRET}, passphrase: {env: REAL_PASSPHRASE}}"
    [said] = faults(given(named))
    assert "TRADEOPS_VAULT_PUBLIC_KEY is not set" in said


def test_plain_http_to_another_machine_is_refused():
    assert faults(ACCOUNT.replace("127.0.0.1:9555", "venue.test")) == [
        "portal.yaml:2: accounts[real-1]: base_url: use https; plain http is for this machine's own addresses, "
        "not venue.test"
    ]


class TestExport:
    def test_left_out_they_are_asked_for_where_the_account_is_new(self):
        apply(ACCOUNT)
        text = export.as_yaml(with_secrets=False)
        assert "credentials:" not in text
        assert lines(text) == ["= nothing to do"]
        clear()
        assert faults(text)[0].endswith("credentials: is required for a new account of the broker keyed")

    def test_with_secrets_they_are_sealed_and_another_instance_with_the_vault_has_them(self):
        apply(ACCOUNT)
        text = export.as_yaml(with_secrets=True)
        assert not any(value in text for value in KEYS.values())
        assert lines(text) == ["= nothing to do"]
        clear()
        assert lines(text) == ["+ account real-1"]
        assert vault.open_for(row()) == KEYS
        assert export.as_yaml(with_secrets=True) == text
        # What the other instance compares with has no fingerprint yet: it opens them to see.
        assert Credential.objects.get().fingerprint == ""
        assert lines(ACCOUNT) == ["= nothing to do"]
        assert lines(ACCOUNT.replace("file-secret", "other-secret")) == ["~ account real-1: credentials (changed)"]

    def test_moved_to_another_account_they_open_nothing(self):
        apply(ACCOUNT)
        text = export.as_yaml(with_secrets=True)
        clear()
        apply(text.replace("real-1", "real-2"))
        other = Account.objects.get(slug="real-2")
        assert vault.open_for(other) == {}
        assert "not for real-2" in vault.problem(other)

    def test_another_vault_refuses_them(self, settings):
        apply(ACCOUNT)
        text = export.as_yaml(with_secrets=True)
        clear()
        private = vault_key.parse(vault_key.new(), name="k")[0]
        settings.ENV = dataclasses.replace(
            settings.ENV, vault_public_key=vault_key.as_text(vault_key.public_of(private))
        )
        assert "they were sealed for another vault" in faults(text)[0]

    def test_in_json_too(self):
        apply(ACCOUNT)
        text = export.as_json(with_secrets=True)
        clear()
        apply(text)
        assert vault.open_for(row()) == KEYS
        assert export.as_json(with_secrets=True) == text


def test_a_strategys_resting_entries_have_their_time():
    text = "strategies: [{slug: s, mode: 'off', order_ttl_seconds: 90}]"
    assert lines(text) == ["+ strategy s"]
    assert Strategy.objects.get().order_ttl_seconds == 90
    assert lines(text.replace("90", "null")) == ["~ strategy s: order_ttl_seconds 90 → none"]
    assert "order_ttl_seconds: must be a whole number from 1 to 2592000, not 0" in faults(text.replace("90", "0"))[0]
