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


# The published vector of the specification (github.com/standard-webhooks/standard-webhooks); its key is no secret.
VECTOR_KEY = "whsec_" + "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
VECTOR = {"message_id": "msg_p5jXN8AQM9LWM0D4loKWxJek", "timestamp": "1614265330", "body": b'{"test": 2432232314}'}
VECTOR_SIGNATURE = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_the_official_vector():
    assert signing.standard_signature(VECTOR_KEY, **VECTOR) == VECTOR_SIGNATURE
    assert signing.standard_signature_matches(VECTOR_KEY, **VECTOR, given=VECTOR_SIGNATURE)


def _accepted(given=VECTOR_SIGNATURE, **changed):
    return signing.standard_signature_matches(VECTOR_KEY, **{**VECTOR, **changed}, given=given)


@pytest.mark.parametrize(
    "given",
    [
        f"v1,AAAA {VECTOR_SIGNATURE}",
        f"{VECTOR_SIGNATURE} v1,AAAA",
        f"v1a,AAAA v2,BBBB {VECTOR_SIGNATURE}",
    ],
)
def test_one_right_signature_in_the_list_is_enough(given):
    assert _accepted(given)


@pytest.mark.parametrize(
    "given",
    [
        "",
        " ",
        "v1,",
        VECTOR_SIGNATURE.removeprefix("v1,"),
        VECTOR_SIGNATURE.replace("v1,", "v2,"),
        VECTOR_SIGNATURE.replace("v1,", "V1,"),
        VECTOR_SIGNATURE.rstrip("="),
        VECTOR_SIGNATURE + "=",
        VECTOR_SIGNATURE.replace("OE=", "OF="),  # decodes to the same bytes
        VECTOR_SIGNATURE.replace(" ", "\t") + "\t",
        VECTOR_SIGNATURE + ",",
        "é" * 47,
        "\ud800",
        "v1,A " * 8 + VECTOR_SIGNATURE,  # the ninth is not looked at
    ],
)
def test_anything_else_is_refused(given):
    assert not _accepted(given)


def test_every_single_bit_flip_is_refused():
    """Of body, id, time and signature, as bytes on the wire: what is no longer ASCII arrives as Latin-1."""
    texts = {"message_id": VECTOR["message_id"], "timestamp": VECTOR["timestamp"], "given": VECTOR_SIGNATURE}
    flips = 0
    for name, text in texts.items():
        for bit in range(len(text) * 8):
            assert not _accepted(**{name: _flip(text.encode(), bit).decode("latin-1")}), (name, bit)
            flips += 1
    for bit in range(len(VECTOR["body"]) * 8):
        assert not _accepted(body=_flip(VECTOR["body"], bit)), bit
        flips += 1
    assert flips == 8 * (len(VECTOR_SIGNATURE) + 28 + 10 + 20)


def test_every_single_bit_flip_of_a_hex_signature_is_refused():
    for bit in range(len(JEFE) * 8):
        assert not signing.hex_signature_matches("Jefe", DATA, _flip(JEFE.encode(), bit).decode("latin-1"))
    for bit in range(len(DATA) * 8):
        assert not signing.hex_signature_matches("Jefe", _flip(DATA, bit), JEFE)


def _flip(data, bit):
    flipped = bytearray(data)
    flipped[bit // 8] ^= 1 << bit % 8
    return bytes(flipped)


ODD = ["", " ", "a.b", "1.5", "a b", "1\n", "é"]


@pytest.mark.parametrize(
    ("name", "value"),
    [("message_id", value) for value in [*ODD, "x" * 201]]
    + [("timestamp", value) for value in [*ODD, "-5", "1e9", "+5", "05", "0", "١٢", "1" * 13, "soon"]],
)
def test_an_id_or_a_time_that_is_none_is_refused_even_when_it_is_signed(name, value):
    changed = {**VECTOR, name: value}
    assert not _accepted(given=signing.standard_signature(VECTOR_KEY, **changed), **{name: value})


def test_the_dot_cannot_move():
    """`a.1.2.{}` is signed once, and is one message only."""
    given = signing.standard_signature(VECTOR_KEY, message_id="a", timestamp="1", body=b"2.{}")
    assert _accepted(given, message_id="a", timestamp="1", body=b"2.{}")
    assert not _accepted(given, message_id="a.1", timestamp="2", body=b"{}")


def test_a_short_key_behind_whsec_is_weak():
    with pytest.raises(ConfigurationError, match="12 bytes"):
        signing.check_strength("whsec_" + base64.b64encode(b"elevenbytes").decode())
    signing.check_strength("whsec_" + base64.b64encode(b"twelve-bytes").decode())
