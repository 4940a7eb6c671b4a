"""An export is the file that makes the instance what it is: here it changes nothing, elsewhere it makes the same."""

from __future__ import annotations

import io
import json
import secrets
import stat

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from accounts.models import Account
from relay.models import Channel, Endpoint, EndpointGroup, PrivateNetwork
from signals.models import AddressList, RiskLimit, Source, Strategy
from tests.config.portal import ENDPOINT, FULL, NOW, SIGNING, TOKEN, apply, faults, lines
from tradeops.config import export
from tradeops.core import configuration, crypto, sealed
from tradeops.core.models import SealedValue

pytestmark = pytest.mark.django_db

REPORTS = secrets.token_hex(12)
MORE = f"""
endpoints: [{{slug: vps-1, report_secret: {REPORTS}, tags: [eu, "off"]}}]
endpoint_groups: [{{slug: pair, mode: fan_out, members: [vps-1]}}]
address_lists: {{office: [192.0.2.0/24]}}
strategies: [{{slug: trend, endpoints: [pair, vps-1], heal: trade, alert_expires_on: 2026-12-31}}]
sources: [{{slug: tv, allowed_ips: [office]}}]
"""


def empty() -> None:
    """What another instance with the same key ring is before the file comes: its own pepper, and no rows."""
    for model in (Strategy, RiskLimit, EndpointGroup, Endpoint, Source, Account, Channel, PrivateNetwork, SealedValue):
        model.objects.all().delete()
    AddressList.objects.exclude(slug="tradingview").delete()
    configuration.changed()


def written(*args: str) -> str:
    out = io.StringIO()
    call_command("export_config", *args, stdout=out)
    return out.getvalue()


@pytest.fixture
def portal():
    apply(FULL)
    apply(MORE)


def test_it_is_written_for_people_and_reads_back_as_it_is(portal):
    text = written()
    assert text.startswith("# TradeOps configuration")
    assert (
        """
endpoints:
  - slug: vps-1
    url: http://127.0.0.1:9101/webhook
    report_secret: {stored: true}
    timeout_seconds: 10
    tags: [eu, 'off']
    headers: {}
    symbols: {}
    receives: [signals]
    accepts_dry_run: false
    active: true

endpoint_groups:
  - slug: pair
    mode: fan_out
    members: [vps-1]
    active: true
"""
        in text
    )
    assert "    sizing: {mode: fixed_quantity, value: '0.1'}\n" in text
    assert "    alert_expires_on: 2026-12-31\n" in text
    assert "    endpoints: [pair, vps-1]\n" in text
    assert lines(text) == ["= nothing to do"]


def test_without_secrets_none_is_in_it_and_each_is_asked_for_elsewhere(portal):
    text = written()
    digest = Source.objects.get(slug="tv").token_digest
    assert not [secret for secret in (TOKEN, SIGNING, ENDPOINT, REPORTS, digest, "encrypted") if secret in text]
    empty()
    numbers = {line.strip(): number for number, line in enumerate(text.splitlines(), start=1)}
    assert faults(text) == [
        f"portal.yaml:{numbers['- slug: quant']}: sources[quant].secret: is required for a new source",
        f"portal.yaml:{numbers['- slug: tv']}: sources[tv].secret: is required for a new source",
        f"portal.yaml:{numbers['- slug: vps-1']}: endpoints[vps-1].secret: is required for a new endpoint",
        f"portal.yaml:{numbers['- slug: vps-1']}: endpoints[vps-1].report_secret: there is no stored secret to keep; "
        "give it as {env: NAME}",
    ]
    assert Source.objects.count() == 0


@pytest.mark.parametrize("form", ["yaml", "json"])
def test_with_secrets_an_empty_instance_becomes_the_same_to_the_byte(portal, form):
    options = ["--with-secrets", *(["--json"] if form == "json" else [])]
    text = written(*options)
    assert not [secret for secret in (TOKEN, SIGNING, ENDPOINT, REPORTS) if secret in text]
    pepper = sealed.value(sealed.PEPPER)
    assert lines(text) == ["= nothing to do"]
    empty()
    assert sealed.value(sealed.PEPPER) != pepper
    apply(text)
    assert written(*options) == text
    # It is not only the same text: the senders and receivers of before are known again.
    assert Source.objects.get(slug="tv").token_digest == sealed.token_digest(TOKEN)
    assert Source.objects.get(slug="quant").secret == SIGNING
    vps = Endpoint.objects.get(slug="vps-1")
    assert (vps.secret, vps.report_secret) == (ENDPOINT, REPORTS)


def test_a_dry_run_of_a_restore_leaves_the_pepper_alone(portal):
    text = written("--with-secrets")
    empty()
    before = sealed.value(sealed.PEPPER)
    assert "+ source tv" in lines(text, dry_run=True)
    assert sealed.value(sealed.PEPPER) == before


def test_a_token_of_another_instance_is_refused_beside_tokens_of_its_own(portal):
    text = written("--with-secrets")
    empty()
    own = secrets.token_hex(12)
    apply(f"sources: [{{slug: mine, auth: token, secret: {own}}}]")
    [fault] = faults(text)
    assert "sources[tv]: secret: this token was exported by another instance" in fault
    assert list(Source.objects.values_list("slug", "token_digest")) == [("mine", sealed.token_digest(own))]


def test_an_encrypted_secret_opens_at_its_own_place_only(portal):
    document, _ = export.document(with_secrets=True)
    [vps] = document["endpoints"]
    moved = json.dumps({"endpoints": [{**vps, "slug": "vps-9"}]})
    assert sorted(fault.partition(": ")[2].partition(":")[0] for fault in faults(moved)) == [
        "endpoints[vps-9].report_secret", "endpoints[vps-9].secret",
    ]  # fmt: skip
    swapped = json.dumps({"endpoints": [{"slug": "vps-1", "secret": vps["report_secret"]}]})
    assert faults(swapped) == [
        "portal.yaml:1: endpoints[vps-1].secret: the encrypted value is damaged, or was moved here from another item "
        "or field"
    ]
    assert Endpoint.objects.get().secret == ENDPOINT


@pytest.mark.parametrize("value", ["", "v1", "v1:00000000:AAAA", "v2:x:AAAA", "v1:x:not base64"])
def test_what_is_no_ciphertext_is_refused(portal, value):
    [fault] = faults(f'endpoints: [{{slug: vps-1, secret: {{encrypted: "{value}"}}}}]')
    assert fault.startswith("portal.yaml:1: endpoints[vps-1].secret")
    assert Endpoint.objects.get().secret == ENDPOINT


def test_another_key_ring_cannot_read_it_and_a_longer_one_can(portal, settings):
    text = written("--with-secrets")
    old = settings.ENCRYPTION_KEYS
    settings.ENCRYPTION_KEYS = [crypto.new_key(), *old]
    assert lines(text) == ["= nothing to do"]
    empty()
    settings.ENCRYPTION_KEYS = [crypto.new_key()]
    found = faults(text)
    assert len(found) == 4
    assert all("which is not in TRADEOPS_ENCRYPTION_KEYS" in fault for fault in found)


def test_what_is_retired_is_left_out_and_what_names_it_says_so(portal):
    Account.objects.filter(slug="paper-2").update(retired_at=NOW, active=False)
    Channel.objects.update(retired_at=NOW, active=False)
    RiskLimit.objects.create(scope="account", key="paper-2", rule="max_open_positions", value="1")
    document, notes = export.document(with_secrets=False)
    assert [item["slug"] for item in document["accounts"]] == ["paper-1"]
    assert "channels" not in document
    assert document["risk"]["accounts"] == {"paper-1": {"allowed_symbols": ["BTC/USDT"]}}
    assert document["strategies"][0]["accounts"] == ["paper-1"]
    told = "strategies[trend].accounts also names what is retired: paper-2. Applying takes it out."
    assert notes == [told]
    with pytest.raises(CommandError) as refused:
        written()
    assert refused.value.returncode == 3
    assert "~ strategy trend: accounts [paper-1, paper-2] → [paper-1]" in str(refused.value)
    assert Strategy.objects.get().accounts.count() == 2  # the check is a dry run


def test_the_paper_twin_of_a_real_account_is_not_configuration(portal):
    real = Account.objects.get(slug="paper-1")
    Account.objects.create(slug="paper-1-twin", broker="paper", client=real.client, twin_of=real)
    assert "paper-1-twin" not in written()


def test_the_file_is_private_and_replaced_whole(portal, tmp_path):
    path = tmp_path / "portal.yaml"
    path.write_text("before")
    path.chmod(0o644)
    assert written(str(path), "--with-secrets") == ""
    assert path.read_text() == export.as_yaml(with_secrets=True)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [entry.name for entry in tmp_path.iterdir()] == ["portal.yaml"]
    with pytest.raises(CommandError, match="cannot write") as refused:
        written(str(tmp_path / "nowhere" / "portal.yaml"))
    assert refused.value.returncode == 1


def test_a_secret_whose_key_is_lost_is_told_by_name(portal, settings):
    settings.ENCRYPTION_KEYS = [crypto.new_key()]
    with pytest.raises(CommandError, match="TRADEOPS_ENCRYPTION_KEYS") as refused:
        written("--with-secrets")
    assert refused.value.returncode == 1


def test_stored_is_only_a_way_to_keep(portal):
    assert lines("endpoints: [{slug: vps-1, secret: {stored: true}}]") == ["= nothing to do"]
    assert faults("endpoints: [{slug: vps-1, secret: {stored: false}}]") == [
        "portal.yaml:1: endpoints[vps-1].secret: give one of {encrypted: …} and {stored: true}, as export_config "
        "writes them"
    ]
