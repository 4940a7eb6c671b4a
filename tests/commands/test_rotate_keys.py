"""Old keys can be taken away once everything was encrypted anew, and not before."""

import dataclasses
import json
from datetime import UTC, datetime
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django_otp.plugins.otp_totp.models import TOTPDevice

from accounts import credentials, second_factor, vault
from accounts.models import Credential, Operator
from relay.models import Endpoint
from tests import factories
from tradeops.core import configuration, crypto, sealed, vault_key

NOW = datetime(2026, 3, 2, 14, 30, tzinfo=UTC)
pytestmark = pytest.mark.django_db


@pytest.fixture
def secrets(settings):
    """An endpoint's, the pepper, and an authenticator's, under an old key; a new one is in front of it now."""
    old, new = crypto.new_key(), crypto.new_key()
    settings.ENCRYPTION_KEYS = (old, *settings.ENCRYPTION_KEYS)
    configuration.forget()
    endpoint = factories.endpoint()
    person = Operator.objects.create_user("ann")
    setup = second_factor.begin(person=person)
    pepper = sealed.value(sealed.PEPPER)
    settings.ENCRYPTION_KEYS = (new, *settings.ENCRYPTION_KEYS)
    return endpoint.pk, endpoint.secret, pepper, setup.secret


def rotated(*arguments):
    out = StringIO()
    call_command("rotate_keys", "--json", *arguments, stdout=out)
    return {part["name"]: part for part in json.loads(out.getvalue())["parts"]}


def raw(endpoint):
    with connection.cursor() as cursor:
        cursor.execute("SELECT secret FROM relay_endpoint WHERE id = %s", [endpoint])
        return cursor.fetchone()[0]


def test_afterwards_the_old_key_is_not_needed(secrets, settings):
    endpoint, secret, pepper, _ = secrets
    before, key = raw(endpoint), TOTPDevice.objects.get().key
    parts = rotated()
    assert (parts["relay.Endpoint.secret"]["values"], parts["relay.Endpoint.secret"]["renewed"]) == (1, 1)
    assert (parts["authenticators"]["values"], parts["authenticators"]["renewed"]) == (1, 1)
    assert raw(endpoint) != before
    assert TOTPDevice.objects.get().key != key
    settings.ENCRYPTION_KEYS = settings.ENCRYPTION_KEYS[:1]
    configuration.forget()
    assert Endpoint.objects.get(pk=endpoint).secret == secret
    assert sealed.value(sealed.PEPPER) == pepper
    assert second_factor.renew(dry_run=True) == 0
    assert {part["renewed"] for part in rotated().values()} == {0}


def test_a_dry_run_changes_nothing(secrets):
    before = raw(secrets[0])
    assert rotated("--dry-run")["relay.Endpoint.secret"]["renewed"] == 1
    assert raw(secrets[0]) == before


def test_a_value_that_no_key_opens_stops_it_before_anything_is_changed(secrets, settings):
    before = raw(secrets[0])
    settings.ENCRYPTION_KEYS = settings.ENCRYPTION_KEYS[:1]
    with pytest.raises(CommandError, match=r"nothing was changed: .* is not in TRADEOPS_ENCRYPTION_KEYS"):
        call_command("rotate_keys", stdout=StringIO())
    settings.ENCRYPTION_KEYS = (crypto.new_key(), *settings.ENCRYPTION_KEYS)
    assert raw(secrets[0]) == before


def test_no_secret_is_in_what_it_says(secrets, capsys):
    out = StringIO()
    call_command("rotate_keys", stdout=out)
    said = out.getvalue() + "".join(capsys.readouterr())
    assert "relay.Endpoint.secret" in said
    assert not [secret for secret in secrets[1:] if secret in said]


class TestCredentials:
    @pytest.fixture(autouse=True)
    def _vault(self, settings, monkeypatch):
        def give(*private):
            """The vault's keys, newest first, to this process."""
            monkeypatch.setenv("TRADEOPS_VAULT_KEY", ",".join(private))
            public = vault_key.as_text(vault_key.public_of(vault_key.parse(private[0], name="k")[0]))
            settings.ENV = dataclasses.replace(settings.ENV, vault_public_key=public)

        self.give, self.old, self.new = give, vault_key.new(), vault_key.new()
        give(self.old)
        self.account = factories.account("okx-1", broker="okx")
        values = {"api_key": "k" * 12, "secret": "s" * 12, "passphrase": "p" * 12}
        credentials.store(account=self.account, values=values, by="ann", now=NOW)

    def test_they_are_sealed_for_the_newest_pair(self):
        self.give(self.new, self.old)
        assert rotated("--dry-run")["credentials of accounts"]["renewed"] == 1
        assert vault.split(Credential.objects.get().sealed)[0] != vault_key.key_id(self.public(self.new))
        assert rotated()["credentials of accounts"]["renewed"] == 1
        self.give(self.new)
        assert vault.open_for(self.account)["api_key"] == "k" * 12

    def public(self, private):
        return vault_key.public_of(vault_key.parse(private, name="k")[0])

    def test_where_the_private_key_is_not_it_says_so_and_does_the_rest(self, settings, monkeypatch, secrets):
        monkeypatch.delenv("TRADEOPS_VAULT_KEY")
        settings.ENV = dataclasses.replace(settings.ENV, role="web")
        out = StringIO()
        with pytest.raises(CommandError, match="not everything could be done") as ended:
            call_command("rotate_keys", stdout=out)
        assert ended.value.returncode == 1
        assert "TRADEOPS_VAULT_KEY is not here; run this where the trade workers run" in out.getvalue()
        settings.ENCRYPTION_KEYS = settings.ENCRYPTION_KEYS[:1]
        configuration.forget()
        assert Endpoint.objects.get().secret == secrets[1]
