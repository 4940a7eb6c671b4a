"""The vault: sealed anywhere, opened by workers only, for the account and host they were given for (X9)."""

import base64
import dataclasses
import stat

import pytest
from django.conf import settings

from accounts import vault
from accounts.models import Credential
from tests import factories
from tradeops.core import vault_key
from tradeops.core.errors import ConfigurationError

VALUES = {"api_key": "the-api-key", "secret": "the-secret-value", "passphrase": "the-passphrase"}
pytestmark = pytest.mark.django_db


@pytest.fixture
def account():
    return factories.account("okx-1", base_url="https://venue.test", sandbox=True)


def stored(account, values=VALUES, **fields):
    found = vault.seal(account, values)
    return Credential.objects.create(
        account=account,
        **{
            "sealed": found.text, "names": found.names, "fingerprint": found.fingerprint, "host": "venue.test",
            "set_at": factories.NOW, "next_check_at": factories.NOW, **fields,
        },
    )  # fmt: skip


def test_what_was_sealed_opens_for_its_account(account):
    stored(account)
    assert vault.open_for(account) == VALUES
    assert vault.problem(account) == ""


def test_an_account_without_credentials_has_none(account):
    assert vault.open_for(account) == {}
    assert vault.problem(account) == ""


def test_nothing_of_the_values_is_in_what_is_stored_or_shown(account):
    found = vault.seal(account, VALUES)
    for value in VALUES.values():
        for text in (found.text, found.fingerprint, repr(found), base64.b64decode(found.text.split(":")[2]).hex()):
            assert value not in text
            assert value.encode().hex() not in text
    assert found.names == ["api_key", "passphrase", "secret"]
    assert vault.seal(account, VALUES).text != found.text  # a key of its own for each


def test_the_fingerprint_tells_whether_other_values_are_the_same(account):
    found = vault.seal(account, VALUES)
    assert vault.fingerprint(account, dict(reversed(VALUES.items()))) == found.fingerprint
    assert vault.fingerprint(account, {**VALUES, "secret": "another"}) != found.fingerprint
    assert vault.fingerprint(factories.account("okx-2"), VALUES) != found.fingerprint


def test_a_row_copied_to_another_account_opens_nothing(account):
    other = factories.account("okx-2", base_url="https://venue.test", sandbox=True)
    stored(other, sealed=vault.seal(account, VALUES).text)
    assert vault.open_for(other) == {}
    assert vault.problem(other) == (
        "the stored credentials were given for okx-1 at venue.test, not for okx-2 at venue.test; they are not sent "
        "there: set its own"
    )


@pytest.mark.parametrize(
    "change",
    [
        {"base_url": "https://elsewhere.test"},
        {"base_url": "https://venue.test:8443"},
        {"sandbox": False},
        {"base_url": ""},
    ],
)
def test_an_account_led_elsewhere_behind_the_services_back_opens_nothing(account, change):
    stored(account)
    for name, value in change.items():
        setattr(account, name, value)
    account.save()
    assert vault.open_for(account) == {}
    assert "they are not sent there" in vault.problem(account)


def test_plain_http_to_another_machine_opens_nothing(account):
    stored(account)
    account.base_url = "http://venue.test"
    assert vault.open_for(account) == {}
    assert "use https" in vault.problem(account)


@pytest.mark.parametrize("text", ["", "v1", "v2:00000000:AAAA", "v1:00000000:not base64"])
def test_a_damaged_row_opens_nothing(account, text):
    stored(account, sealed=text)
    assert vault.open_for(account) == {}
    assert vault.problem(account) == "the sealed credentials are not in a form this version can read"


def test_a_changed_box_opens_nothing(account):
    found = vault.seal(account, VALUES).text
    kid, box = vault.split(found)
    broken = base64.b64encode(box[:-1] + bytes([box[-1] ^ 1])).decode()
    stored(account, sealed=f"v1:{kid}:{broken}")
    assert vault.open_for(account) == {}
    assert vault.problem(account) == "the stored credentials of okx-1 are damaged; set them again"


@pytest.mark.parametrize("role", ["web", "keyless"])
def test_web_processes_seal_and_never_open(account, role, settings):
    stored(account)
    settings.ENV = dataclasses.replace(settings.ENV, role=role)
    sealed = vault.seal(account, VALUES)
    assert vault.open_for(account) == {}
    assert vault.problem(account) == "only trade workers open credentials"
    settings.ENV = dataclasses.replace(settings.ENV, role="worker")
    assert vault.open_text(account, sealed.text) == VALUES


def test_the_private_key_is_a_file_of_its_own_for_its_owner_only(account):
    vault.seal(account, VALUES)
    private, public = vault_key.files(settings.ENV.data_dir)
    assert stat.S_IMODE(private.stat().st_mode) == 0o600
    assert "TRADEOPS_VAULT_KEY=" in private.read_text()
    assert "TRADEOPS_VAULT_KEY=" not in public.read_text()
    assert "TRADEOPS_VAULT" not in (settings.ENV.data_dir / "secrets.env").read_text()


def test_the_pair_is_made_once_and_a_lost_public_half_is_made_again(tmp_path):
    assert vault_key.generate(tmp_path) is True
    private, public = vault_key.files(tmp_path)
    before = private.read_text(), public.read_text()
    assert vault_key.generate(tmp_path) is False
    public.unlink()
    assert vault_key.generate(tmp_path) is True
    assert (private.read_text(), public.read_text()) == before


def test_of_a_key_from_the_environment_only_the_public_half_is_written(tmp_path):
    given = vault_key.new()
    assert vault_key.generate(tmp_path, given=given) is True
    private, public = vault_key.files(tmp_path)
    assert not private.exists()
    [half] = vault_key.parse(given, name="k")
    assert vault_key.as_text(vault_key.public_of(half)) in public.read_text()
    assert given not in public.read_text()
    assert vault_key.generate(tmp_path, given=given) is False


class TestProduction:
    @pytest.fixture(autouse=True)
    def _production(self, settings, monkeypatch):
        self.private = vault_key.new()
        self.public = vault_key.as_text(vault_key.public_of(vault_key.parse(self.private, name="k")[0]))
        monkeypatch.setenv("TRADEOPS_VAULT_KEY", self.private)
        self.set = lambda **changes: setattr(settings, "ENV", dataclasses.replace(settings.ENV, **changes))
        settings.PRODUCTION = True
        self.set(kind="production", vault_public_key=self.public)

    def test_the_variables_hold_the_pair(self, account):
        stored(account)
        assert vault.open_for(account) == VALUES

    def test_without_a_public_key_nothing_is_sealed(self, account, monkeypatch):
        monkeypatch.delenv("TRADEOPS_VAULT_KEY")
        self.set(vault_public_key="")
        with pytest.raises(ConfigurationError, match="TRADEOPS_VAULT_PUBLIC_KEY is not set"):
            vault.seal(account, VALUES)

    def test_a_worker_without_the_private_key_says_which_variable_it_needs(self, account, monkeypatch):
        stored(account)
        monkeypatch.delenv("TRADEOPS_VAULT_KEY")
        assert vault.open_for(account) == {}
        assert vault.problem(account).startswith("TRADEOPS_VAULT_KEY is not set in this process")

    def test_what_was_sealed_for_another_pair_names_it(self, account, monkeypatch):
        stored(account)
        monkeypatch.setenv("TRADEOPS_VAULT_KEY", vault_key.new())
        assert vault.open_for(account) == {}
        assert vault.problem(account).startswith("the credentials were sealed for the key pair ")

    def test_an_older_private_key_still_opens(self, account, monkeypatch):
        stored(account)
        monkeypatch.setenv("TRADEOPS_VAULT_KEY", f"{vault_key.new()},{self.private}")
        assert vault.open_for(account) == VALUES

    def test_the_pair_is_rotated_by_sealing_everything_again(self, account, monkeypatch):
        row = stored(account)
        new = vault_key.new()
        monkeypatch.setenv("TRADEOPS_VAULT_KEY", f"{new},{self.private}")
        self.set(vault_public_key=vault_key.as_text(vault_key.public_of(vault_key.parse(new, name="k")[0])))
        assert (vault.rotate(), vault.rotate()) == (1, 0)
        monkeypatch.setenv("TRADEOPS_VAULT_KEY", new)
        assert vault.open_for(account) == VALUES
        before = row.fingerprint
        row.refresh_from_db()
        assert row.fingerprint == before

    def test_a_rotation_that_cannot_open_a_row_changes_none(self, account, monkeypatch):
        row, lost = stored(account), factories.account("okx-2", base_url="https://venue.test", sandbox=True)
        stored(lost, sealed=f"v1:00000000:{base64.b64encode(b'x' * 80).decode()}")
        new = vault_key.new()
        monkeypatch.setenv("TRADEOPS_VAULT_KEY", f"{new},{self.private}")
        self.set(vault_public_key=vault_key.as_text(vault_key.public_of(vault_key.parse(new, name="k")[0])))
        with pytest.raises(ConfigurationError, match="key pair 00000000"):
            vault.rotate()
        assert Credential.objects.get(pk=row.pk).sealed == row.sealed

    def test_a_start_with_accounts_at_venues_and_no_vault_names_the_variable(self, account, settings):
        vault.check_installation()
        self.set(vault_public_key="")
        settings.BROKERS = {**settings.BROKERS, "keyed": "tests.fakes.keyed_broker.KeyedBroker"}
        account.broker = "keyed"
        account.save()
        vault.check_installation()  # the private half is here, and the public one follows from it
        self.set(role="web")
        with pytest.raises(ConfigurationError, match="TRADEOPS_VAULT_PUBLIC_KEY is not set, and okx-1 trade at venues"):
            vault.check_installation()
        account.retired_at = factories.NOW
        account.save()
        vault.check_installation()
