"""The keys of accounts: set, erased, judged. What they are is sealed at once and known here no more (X9)."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from datetime import datetime

from django.conf import settings
from django.db import transaction

from accounts import vault, venue_host
from accounts.brokers import kinds
from accounts.models import Account, Credential
from tradeops.core import configuration, events
from tradeops.core.errors import ConfigurationError
from tradeops.core.events import Event, Level

BINDING = ("broker", "base_url", "sandbox")  # whoever changes one of them leads the account elsewhere
LONGEST = 8192  # a private key in PEM is the longest that a venue gives
WITHDRAWS = (
    "the key may withdraw: nothing is traded with it. Make one at the venue that may only read and trade, set it here, "
    "and delete this one there"
)


def names(broker: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The parts that a broker needs, and those that it takes besides."""
    capabilities = kinds.capabilities(broker)
    return capabilities.credentials, capabilities.optional_credentials


def check(account: Account, values: Mapping[str, str]) -> dict[str, str]:
    """The parts as they are stored: without the blanks that copying brings along, without empty ones.

    Raises ConfigurationError, repeating no value, where one is missing, unknown, or leads nowhere.
    """
    needed, optional = names(account.broker)
    if not needed:
        raise ConfigurationError(f"the broker {account.broker!r} takes no credentials")
    found = {name: value.strip() for name, value in values.items() if value and value.strip()}
    if unknown := sorted(found.keys() - {*needed, *optional}):
        raise ConfigurationError(
            f"the broker {account.broker!r} takes {', '.join((*needed, *optional))}, not {', '.join(unknown)}"
        )
    if missing := [name for name in needed if name not in found]:
        raise ConfigurationError(f"the broker {account.broker!r} also needs {', '.join(missing)}", code="incomplete")
    for name, value in found.items():
        if len(value) > LONGEST or "\x00" in value:
            raise ConfigurationError(f"{name} is not what a venue gives: it is too long, or has a NUL in it")
    venue_host.of(account)
    return found


def store(*, account: Account, values: Mapping[str, str], by: str, now: datetime) -> Credential:
    """Sets the credentials of a stored account, all parts at once, and asks for a test of the connection.

    Raises ConfigurationError as `check` does, and where nothing can be sealed. The same ones again change nothing but
    the wish for a test.
    """
    found = check(account, values)
    mark = vault.fingerprint(account, found)
    present = Credential.objects.filter(account=account).first()
    if present is not None and present.fingerprint == mark and vault.known(vault.split(present.sealed)[0]):
        ask_test(account=account, now=now)
        return present
    return _put(account, vault.seal(account, found), by=by, now=now)


def store_sealed(*, account: Account, text: str, parts: list[str], by: str, now: datetime) -> Credential:
    """Takes over what another instance with the same vault sealed for this very account and place.

    Whether it opens is seen by the trade worker that tests it. Raises ConfigurationError where it surely does not.
    """
    needed, optional = names(account.broker)
    if not set(needed) <= set(parts) <= {*needed, *optional}:
        raise ConfigurationError(f"these are not the credentials that the broker {account.broker!r} needs")
    if not vault.known(vault.split(text)[0]):
        raise ConfigurationError(
            "they were sealed for another vault: TRADEOPS_VAULT_PUBLIC_KEY does not have that key; give them as "
            "{env: NAME}",
            code="missing_key",
        )
    return _put(account, vault.Sealed(text, sorted(parts), ""), by=by, now=now)


def _put(account: Account, sealed: vault.Sealed, *, by: str, now: datetime) -> Credential:
    fields = {
        "sealed": sealed.text, "names": sealed.names, "fingerprint": sealed.fingerprint,
        "host": venue_host.of(account)[:200], "set_at": now, "set_by": by[:150], "test_asked_at": now,
        "next_check_at": now, "tested_at": None, "test_result": "", "checked_at": None, "problem": "", "facts": {},
    }  # fmt: skip
    with transaction.atomic():
        row, _ = Credential.objects.update_or_create(account=account, defaults=fields)
        _tell(account, "credentials_set", Level.WARNING, f"The credentials of {account.slug} were set by {by}", now, by)
        configuration.changed()
    _forget(account)
    return row


def same(account: Account, stored: Credential, values: Mapping[str, str]) -> bool:
    """Whether `values` are what is stored; constant-time. What another instance sealed has no fingerprint of ours: it
    is opened to see, where this process may, and counts as different where not."""
    found = check(account, values)
    if stored.fingerprint:
        return hmac.compare_digest(stored.fingerprint, vault.fingerprint(account, found))
    try:
        there = vault.open_text(account, stored.sealed)
    except ConfigurationError:
        return False
    return hmac.compare_digest(vault.fingerprint(account, there), vault.fingerprint(account, found))


def erase(*, account: Account, reason: str, by: str, now: datetime) -> bool:
    """Takes them away for good; whether there were any. `reason` goes on the sentence "… erased because"."""
    with transaction.atomic():
        done, _ = Credential.objects.filter(account=account).delete()
        if done:
            title = f"The credentials of {account.slug} were erased because {reason}; without new ones it cannot trade"
            _tell(account, "credentials_erased", Level.ERROR, title, now, by)
            configuration.changed()
    _forget(account)
    return bool(done)


def ask_test(*, account: Account, now: datetime) -> bool:
    """Asks a trade worker for a test of the connection; the answer is on the row some seconds later."""
    return bool(Credential.objects.filter(account=account).update(test_asked_at=now, next_check_at=now))


def judge(facts: Mapping[str, object]) -> str:
    """Why a key must not be used, from what the venue says that it may do; empty = it may be."""
    if facts.get("withdraw"):
        return WITHDRAWS
    if facts.get("read") is False:
        return "the key may not read the account: give it that permission at the venue"
    if facts.get("trade") is False:
        return "the key may not trade: give it that permission at the venue"
    return ""


def warnings(facts: Mapping[str, object]) -> list[str]:
    """What a person should mend although the key may be used."""
    if facts.get("ip_bound") is False:
        return [
            "The key is bound to no IP address: whoever gets hold of it can use it from anywhere, and OKX deletes such "
            "keys after 14 days without use. Bind it to this portal's address at the venue."
        ]
    return []


def problem_of(account: Account) -> str:
    """Why the account's credentials let no entry through, as `the account is …` continues; empty = they do.

    Costs nothing where the account was read with `select_related("credential")`.
    """
    try:
        needed = kinds.capabilities(account.broker).credentials
    except ConfigurationError as error:
        return f"without its broker ({error})"
    if not needed:
        return ""
    credential = getattr(account, "credential", None)
    if credential is None:
        return "without credentials: set them on its page"
    if credential.problem:
        return f"without usable credentials: {credential.problem}"
    if settings.TRADING == "live" and not account.sandbox:
        unknown = [word for word in ("trade", "withdraw") if credential.facts.get(word) is None]
        if credential.checked_at is None:
            return "waiting for the test of its connection: until then it is not known what its key may do"
        if unknown:
            return f"without a key whose permissions are known: the venue does not tell about {' and '.join(unknown)}"
    return ""


def hedges(account: Account) -> bool:
    """Whether it holds long and short of one symbol side by side, as the venue told when the key was tested.

    Costs nothing where the account was read with `select_related("credential")`.
    """
    credential = getattr(account, "credential", None)
    return credential is not None and credential.facts.get("position_mode") == "hedge"


def _forget(account: Account) -> None:
    """The row that Django keeps on the instance is not the one that is stored any more."""
    account._state.fields_cache.pop("credential", None)


def _tell(account: Account, word: str, level: Level, title: str, now: datetime, by: str) -> None:
    events.publish(
        Event(name=f"account.{word}", at=now, level=level, title=title, account=account.slug, body={"by": by})
    )
