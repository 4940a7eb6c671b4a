"""The environment: defaults, messages that name the variable, what production refuses (R5)."""

import os
import stat

import pytest

from tradeops.core import env, vault_key
from tradeops.core.crypto import new_key
from tradeops.core.errors import ConfigurationError


@pytest.fixture
def read(tmp_path):
    def read(**variables):
        return env.read({"TRADEOPS_DATA_DIR": str(tmp_path), **variables})

    return read


@pytest.fixture
def production(tmp_path):
    return {
        "TRADEOPS_ENV": "production",
        "TRADEOPS_DATA_DIR": str(tmp_path),
        "TRADEOPS_SECRET_KEY": "k9" * 24,
        "TRADEOPS_ENCRYPTION_KEYS": new_key(),
        "TRADEOPS_ALLOWED_HOSTS": "portal.test",
    }


def test_the_embedded_default_is_loopback_paper_and_the_demo(read, tmp_path):
    found = read()
    assert (found.kind, found.trading, found.role) == ("embedded", "paper", "worker")
    assert (found.host, found.port, found.demo, found.debug) == ("127.0.0.1", 8000, True, False)
    assert found.data_dir == tmp_path.resolve()
    assert (found.database_url, found.redis_url, found.public_url) == ("", "", "")
    assert found.base_url == "http://127.0.0.1:8000"


def test_secrets_are_generated_once_for_their_owner_only(read, tmp_path):
    first = read()
    file = tmp_path / "secrets.env"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    written = file.read_text()
    again = read()
    assert (again.secret_key, again.encryption_keys) == (first.secret_key, first.encryption_keys)
    assert file.read_text() == written
    assert len(first.secret_key) >= 48
    assert [name for name in os.listdir(tmp_path) if name != "secrets.env"] == []


def test_secrets_are_generated_whatever_the_database(read, tmp_path):
    read(DATABASE_URL="postgres://postgres@127.0.0.1/x", REDIS_URL="redis://127.0.0.1/0")
    assert (tmp_path / "secrets.env").exists()


def test_a_given_secret_wins_over_the_generated_one_and_an_empty_one_does_not(read):
    generated = read().secret_key
    given = "z" * 40
    assert read(TRADEOPS_SECRET_KEY=given).secret_key == given
    assert read(TRADEOPS_SECRET_KEY="").secret_key == generated


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("TRADEOPS_ENV", "staging"),
        ("TRADEOPS_TRADING", "real"),
        ("TRADEOPS_ROLE", "boss"),
        ("PORT", "http"),
        ("PORT", "0"),
        ("PORT", "65536"),
        ("PORT", "-1"),
        ("TRADEOPS_WEB_WORKERS", "many"),
        ("DEBUG", "maybe"),
        ("TRADEOPS_DEMO", "2"),
        ("DATABASE_URL", "mysql://x/y"),
        ("REDIS_URL", "http://x"),
        ("TRADEOPS_PUBLIC_URL", "http://portal.test"),
        ("TELEGRAM_API_URL", "ftp://x"),
        ("TELEGRAM_COMMANDS", "sometimes"),
        ("TELEGRAM_COMMANDS", "webhook"),  # without TRADEOPS_PUBLIC_URL
        ("TRADEOPS_TRUSTED_PROXIES", "10.0.0.0/8,everyone"),
        ("TRADEOPS_CLIENT_ADDRESS_HEADER", "X-Real-IP, X-Forwarded-For"),
        ("TRADEOPS_SECRET_KEY", "tooshrt"),
        ("TRADEOPS_SECRET_KEY", "change-me-change-me-change-me-change-me"),
        ("TRADEOPS_ENCRYPTION_KEYS", "n" * 50),
        ("TRADEOPS_VAULT_KEY", "n" * 50),
        ("TRADEOPS_VAULT_PUBLIC_KEY", "n" * 50),
    ],
)
def test_a_wrong_value_is_told_with_the_variables_name(read, variable, value):
    with pytest.raises(ConfigurationError, match=variable) as caught:
        read(**{variable: value})
    if "KEY" in variable:
        assert value not in str(caught.value)


def test_an_encryption_key_must_be_32_bytes_and_is_not_repeated_in_the_message(read):
    short = "c2hvcnQ" + "A" * 40
    with pytest.raises(ConfigurationError, match="32 bytes") as caught:
        read(TRADEOPS_ENCRYPTION_KEYS=f"{new_key()},{short}")
    assert short not in str(caught.value)


def test_the_vaults_public_key_must_belong_to_the_private_one(read):
    private = vault_key.new()
    public = vault_key.as_text(vault_key.public_of(vault_key.parse(private, name="k")[0]))
    assert read(TRADEOPS_VAULT_KEY=private, TRADEOPS_VAULT_PUBLIC_KEY=public).vault_public_key == public
    other = vault_key.new()
    with pytest.raises(ConfigurationError, match="TRADEOPS_VAULT_PUBLIC_KEY does not belong") as caught:
        read(TRADEOPS_VAULT_KEY=other, TRADEOPS_VAULT_PUBLIC_KEY=public)
    assert other not in str(caught.value)
    # A web process does not even look at the private one.
    assert read(TRADEOPS_VAULT_KEY=other, TRADEOPS_VAULT_PUBLIC_KEY=public, TRADEOPS_ROLE="web").role == "web"


def test_the_environment_that_is_kept_has_no_private_key_of_the_vault(read):
    private = vault_key.new()
    assert private not in repr(read(TRADEOPS_VAULT_KEY=private))


def test_lists_and_addresses_are_read(read):
    found = read(
        TRADEOPS_ALLOWED_HOSTS="a.test, b.test,",
        TRADEOPS_TRUSTED_PROXIES="10.0.0.0/8, fd00::/8",
        TRADEOPS_PUBLIC_URL="https://portal.test/",
        PORT="8080",
        HOST="0.0.0.0",
    )
    assert found.allowed_hosts == ("a.test", "b.test")
    assert found.trusted_proxies == ("10.0.0.0/8", "fd00::/8")
    assert found.client_address_header == "X-Forwarded-For"
    assert found.base_url == "https://portal.test"
    assert (found.host, found.port) == ("0.0.0.0", 8080)


def test_production_starts_with_everything_named_and_generates_nothing(production, tmp_path):
    found = env.read(production)
    assert (found.kind, found.demo) == ("production", False)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"TRADEOPS_SECRET_KEY": ""}, "TRADEOPS_SECRET_KEY"),
        ({"TRADEOPS_SECRET_KEY": "django-insecure-" + "a" * 40}, "TRADEOPS_SECRET_KEY"),
        ({"TRADEOPS_ENCRYPTION_KEYS": ""}, "TRADEOPS_ENCRYPTION_KEYS"),
        ({"DEBUG": "1"}, "DEBUG"),
        ({"TRADEOPS_ALLOWED_HOSTS": ""}, "TRADEOPS_ALLOWED_HOSTS"),
        ({"TRADEOPS_ALLOWED_HOSTS": "*"}, "TRADEOPS_ALLOWED_HOSTS"),
        ({"TRADEOPS_ALLOWED_HOSTS": "portal.test,*"}, "TRADEOPS_ALLOWED_HOSTS"),
        ({"TRADEOPS_DEMO": "1"}, "TRADEOPS_DEMO"),
    ],
)
def test_production_refuses_what_is_unsafe(production, change, named):
    with pytest.raises(ConfigurationError, match=named):
        env.read({**production, **change})


def test_cloudflare_is_a_word_for_its_networks_and_its_header_is_known_in_any_case(read):
    found = read(TRADEOPS_TRUSTED_PROXIES="10.0.0.1, Cloudflare", TRADEOPS_CLIENT_ADDRESS_HEADER="cf-connecting-ip")
    assert found.trusted_proxies[0] == "10.0.0.1/32"
    assert {"173.245.48.0/20", "2606:4700::/32"} < set(found.trusted_proxies)
    assert len(found.trusted_proxies) == 23
    assert found.client_address_header == "CF-Connecting-IP"
