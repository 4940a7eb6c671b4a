"""Signatures against values computed elsewhere, and against the reference library."""

import base64
import secrets
from datetime import UTC, datetime

import pytest
import standardwebhooks

from tradeops.core import signing
from tradeops.core.errors import ConfigurationError

# RFC 4231, test case 2: key "Jefe", data "what do ya want for nothing?"
JEFE = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
DATA = b"what do ya want for nothing?"


def test_the_plain_signature_is_hmac_sha256_in_hex():
    assert signing.hex_signature("Jefe", DATA) == JEFE


def test_whsec_secrets_are_base64_and_others_their_bytes():
    encoded = "whsec_" + base64.b64encode(b"Jefe").decode()
    assert signing.key_bytes(encoded) == b"Jefe"
    assert signing.hex_signature(encoded, DATA) == JEFE
    assert signing.key_bytes("schlüssel") == "schlüssel".encode()
    with pytest.raises(ConfigurationError, match="base64"):
        signing.key_bytes("whsec_not base64!")


@pytest.mark.parametrize("given", [JEFE, "sha256=" + JEFE])
def test_a_right_signature_matches(given):
    assert signing.hex_signature_matches("Jefe", DATA, given)


@pytest.mark.parametrize(
    "given",
    [
        "",
        JEFE.upper(),
        JEFE[:-1],
        JEFE + "0",
        JEFE + "\n",
        "0" * 64,
        "sha512=" + JEFE,
        "sha256=sha256=" + JEFE,
        "ä" * 64,
        " " + JEFE,
    ],
)
def test_anything_else_does_not(given):
    assert not signing.hex_signature_matches("Jefe", DATA, given)


def test_a_changed_body_does_not_match():
    assert not signing.hex_signature_matches("Jefe", DATA + b" ", JEFE)


def test_the_reference_library_verifies_what_we_send():
    secret = "whsec_" + base64.b64encode(secrets.token_bytes(24)).decode()
    headers = signing.webhook_headers(secret, message_id="msg-1", body=b'{"a":1}', now=datetime.now(UTC))
    assert standardwebhooks.Webhook(secret).verify('{"a":1}', headers) == {"a": 1}
    with pytest.raises(standardwebhooks.WebhookVerificationError):
        standardwebhooks.Webhook(secret).verify('{"a":2}', headers)
    assert headers["X-Webhook-Signature"] == signing.hex_signature(secret, b'{"a":1}')


@pytest.mark.parametrize("secret", ["", "short", "elevenchars"])
def test_weak_secrets_are_refused_without_being_repeated(secret):
    with pytest.raises(ConfigurationError, match="12 characters") as caught:
        signing.check_strength(secret)
    assert caught.value.code == "weak_secret"
    assert not secret or secret not in str(caught.value)


def test_twelve_characters_are_enough():
    signing.check_strength("twelve chars")
