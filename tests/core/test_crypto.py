"""Encryption at rest: round trip, rotation, and what a moved, damaged or foreign value says."""

import base64

import pytest

from tradeops.core import crypto
from tradeops.core.errors import ConfigurationError


@pytest.fixture
def keys(settings):
    settings.ENCRYPTION_KEYS = (crypto.new_key(),)
    return settings


def test_what_is_encrypted_opens_in_its_place_and_looks_like_nothing(keys):
    stored = crypto.encrypt("geheim ✓", place="relay.Endpoint.secret")
    assert stored.startswith("v1:")
    assert "geheim" not in stored
    assert crypto.decrypt(stored, place="relay.Endpoint.secret") == "geheim ✓"
    assert crypto.encrypt("geheim ✓", place="relay.Endpoint.secret") != stored


def test_the_first_key_encrypts_and_the_old_ones_still_open(keys):
    old = crypto.encrypt("x", place="p")
    new_key = crypto.new_key()
    keys.ENCRYPTION_KEYS = (new_key, *keys.ENCRYPTION_KEYS)
    assert crypto.decrypt(old, place="p") == "x"
    new = crypto.encrypt("x", place="p")
    keys.ENCRYPTION_KEYS = (new_key,)
    assert crypto.decrypt(new, place="p") == "x"
    with pytest.raises(ConfigurationError, match="TRADEOPS_ENCRYPTION_KEYS") as caught:
        crypto.decrypt(old, place="p")
    assert caught.value.code == "missing_key"


def test_a_moved_value_does_not_open(keys):
    stored = crypto.encrypt("x", place="relay.Endpoint.secret")
    with pytest.raises(ConfigurationError, match="damaged or moved"):
        crypto.decrypt(stored, place="signals.Source.secret")


@pytest.mark.parametrize("stored", ["", "plain text", "v1:abc", "v1:abc:not-base64!", "v9"])
def test_what_is_no_stored_value_is_told_and_not_returned(keys, stored):
    with pytest.raises(ConfigurationError):
        crypto.decrypt(stored, place="p")


def test_a_changed_byte_is_noticed(keys):
    version, kid, payload = crypto.encrypt("x", place="p").split(":")
    sealed = bytearray(base64.b64decode(payload))
    sealed[-1] ^= 1
    with pytest.raises(ConfigurationError, match="damaged"):
        crypto.decrypt(f"{version}:{kid}:{base64.b64encode(sealed).decode()}", place="p")
