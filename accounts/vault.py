"""Credentials of accounts at their venues (X9): every process can seal them, only trade workers can open them.

The stored form is `v1:<kid>:<base64 of a sealed box>` (libsodium's crypto_box_seal: an ephemeral X25519 key,
XSalsa20-Poly1305); kid names the key pair. What is sealed says whose credentials they are and where they may go, and
that is compared when they are opened: a row copied to another account, or an account that was led to another host,
opens nothing.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from django.conf import settings

from accounts import venue_host
from accounts.brokers import kinds
from accounts.models import Account, Credential
from tradeops.core import env, logs, sealed, vault_key
from tradeops.core.errors import ConfigurationError

logger = logs.get(__name__)

NAMES = ("api_key", "secret", "passphrase", "sub_account", "extra")
_FINGERPRINT_KEY = "credential-fingerprint"


@dataclass(frozen=True)
class Sealed:
    """What is stored of credentials: `names` of the parts that are there, and a keyed digest to compare new ones."""

    text: str = field(repr=False)
    names: list[str]
    fingerprint: str = field(repr=False)


def seal(account: Account, values: Mapping[str, str]) -> Sealed:
    """`values` by name (of NAMES), for this account at the host where its settings lead now.

    Raises ConfigurationError where the installation has no public key to seal to.
    """
    from nacl.public import PublicKey, SealedBox

    public = _public_keys()[0]
    text = json.dumps({**_place(account), "values": dict(values)}, sort_keys=True).encode()
    box = base64.b64encode(SealedBox(PublicKey(public)).encrypt(text)).decode()
    return Sealed(f"v1:{vault_key.key_id(public)}:{box}", sorted(values), fingerprint(account, values))


def fingerprint(account: Account, values: Mapping[str, str]) -> str:
    """HMAC-SHA256 under a key of this installation: says whether other credentials are the same, and nothing else."""
    key = bytes.fromhex(sealed.value(_FINGERPRINT_KEY))
    return hmac.digest(
        key, json.dumps({**_place(account), "values": dict(values)}, sort_keys=True).encode(), "sha256"
    ).hex()


def prepare() -> None:
    """Makes the key of fingerprints, before a transaction that may be rolled back."""
    sealed.value(_FINGERPRINT_KEY)


def open_for(account: Account) -> dict[str, str]:
    """The plain credentials of an account. {} where there are none, or this process may not or cannot open them.

    Why not is logged, and `problem` says it. Nobody keeps what this returns but the account's broker.
    """
    try:
        return _open(account)
    except ConfigurationError as error:
        if settings.ENV.role == "worker":
            logger.error("the credentials of an account do not open", account=account.slug, reason=str(error))
        return {}


def problem(account: Account) -> str:
    """Why this process cannot open the account's credentials, and what to do; empty = it can, or there are none."""
    try:
        _open(account)
    except ConfigurationError as error:
        return str(error)
    return ""


def _open(account: Account) -> dict[str, str]:
    stored = Credential.objects.filter(account_id=account.pk).values_list("sealed", flat=True).first()
    return {} if stored is None else open_text(account, stored)


def open_text(account: Account, stored: str) -> dict[str, str]:
    """Raises ConfigurationError, without secrets, where it cannot be opened or belongs elsewhere."""
    from nacl.exceptions import CryptoError
    from nacl.public import PrivateKey, SealedBox

    kid, box = split(stored)
    private = _private_keys().get(kid)
    if private is None:
        raise ConfigurationError(_no_key(kid), code="missing_key")
    try:
        found = json.loads(SealedBox(PrivateKey(private)).decrypt(box))
    except (CryptoError, ValueError):
        raise ConfigurationError(f"the stored credentials of {account.slug} are damaged; set them again") from None
    values = found.pop("values")
    if found != _place(account):
        raise ConfigurationError(
            f"the stored credentials were given for {found.get('account')} at {found.get('host')}, not for "
            f"{account.slug} at {_place(account)['host']}; they are not sent there: set its own",
            code="elsewhere",
        )
    return {str(name): str(value) for name, value in values.items()}


def split(stored: str) -> tuple[str, bytes]:
    """The key pair's id and the box. Raises ConfigurationError."""
    try:
        version, kid, payload = stored.split(":", 2)
        box = base64.b64decode(payload, validate=True)
    except (ValueError, binascii.Error):
        version, kid, box = "", "", b""
    if version != "v1":
        raise ConfigurationError("the sealed credentials are not in a form this version can read")
    return kid, box


def rotate() -> int:
    """Seals every account's credentials again for the newest key pair; how many it did. Safe to run twice.

    Needs both pairs in this process: the new one first, the old one after it. Raises ConfigurationError before it
    changes anything when one of the rows cannot be opened.
    """
    newest = vault_key.key_id(_public_keys()[0])
    rows = [row for row in Credential.objects.select_related("account") if split(row.sealed)[0] != newest]
    plain = [(row, open_text(row.account, row.sealed)) for row in rows]
    done = 0
    for row, values in plain:
        # Conditional: credentials that were set meanwhile are newer than what was read.
        done += Credential.objects.filter(pk=row.pk, sealed=row.sealed).update(sealed=seal(row.account, values).text)
    return done


def check_installation() -> None:
    """Raises ConfigurationError, naming the variable, where production has accounts at venues and no vault for them."""
    if not settings.PRODUCTION:
        return
    needing = [row for row in Account.objects.filter(retired_at=None).order_by("slug") if needs_credentials(row)]
    if needing and not env.vault_public_key(settings.ENV):
        raise ConfigurationError(
            f"{vault_key.PUBLIC} is not set, and {', '.join(row.slug for row in needing[:5])} trade at venues: without "
            f"it their credentials cannot be stored. Give it to every process, and {vault_key.PRIVATE} to "
            "the trade workers alone",
            code="no_vault",
        )


def needs_credentials(account: Account) -> bool:
    try:
        return bool(kinds.capabilities(account.broker).credentials)
    except ConfigurationError:
        return False  # a broker that is not installed any more


def known(kid: str) -> bool:
    """Whether what names this key pair can be opened by this installation's trade workers."""
    return kid in {vault_key.key_id(key) for key in _public_keys()}


def _place(account: Account) -> dict[str, object]:
    """Slugs are never given twice, and never changed: unlike row ids they mean the same on another installation."""
    return {
        "account": account.slug,
        "broker": account.broker,
        "host": venue_host.of(account),
        "sandbox": account.sandbox,
    }


def _public_keys() -> tuple[bytes, ...]:
    found = vault_key.parse(env.vault_public_key(settings.ENV), name=vault_key.PUBLIC)
    if not found:
        where = (
            "set it to the public half of the trade workers' key" if settings.PRODUCTION else "run manage.py bootstrap"
        )
        raise ConfigurationError(
            f"credentials cannot be sealed: {vault_key.PUBLIC} is not set; {where}", code="no_vault"
        )
    return found


def _private_keys() -> dict[str, bytes]:
    found = vault_key.parse(env.vault_private_key(settings.ENV), name=vault_key.PRIVATE)
    return {vault_key.key_id(vault_key.public_of(key)): key for key in found}


def _no_key(kid: str) -> str:
    if settings.ENV.role != "worker":
        return "only trade workers open credentials"
    if settings.PRODUCTION and not env.vault_private_key(settings.ENV):
        return f"{vault_key.PRIVATE} is not set in this process: trade workers need it to open credentials"
    return (
        f"the credentials were sealed for the key pair {kid[:16]}, which {vault_key.PRIVATE} does not have; "
        "add that key (the newest first), or set the credentials again"
    )
