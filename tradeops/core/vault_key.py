"""The key pair of the vault (X9): what it looks like, and where this process finds its halves.

A half is 32 bytes in URL-safe base64 (X25519). Both variables may hold several, the newest first: the first seals,
every private one opens. A web process is never given the private half; in the embedded mode, where all processes are
the same user's, it does not look for it.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from pathlib import Path

from . import envfile
from .errors import ConfigurationError

PRIVATE, PUBLIC = "TRADEOPS_VAULT_KEY", "TRADEOPS_VAULT_PUBLIC_KEY"
_COMMENT = (
    "Opens the credentials of trading accounts; generated for this data directory, for trade workers only.\n"
    "Keep it with your keys' backup, not with the database's: without it they have to be given anew."
)


def new() -> str:
    """A private key, as `TRADEOPS_VAULT_KEY` has it."""
    from nacl.public import PrivateKey

    return base64.urlsafe_b64encode(bytes(PrivateKey.generate())).decode()


def parse(text: str, *, name: str) -> tuple[bytes, ...]:
    """The keys of a comma-separated list. Raises ConfigurationError that names the variable and repeats no key."""
    found = []
    for item in (item.strip() for item in text.split(",") if item.strip()):
        try:
            key = base64.b64decode(item, altchars=b"-_", validate=True)
        except (binascii.Error, ValueError):
            key = b""
        if len(key) != 32:
            raise ConfigurationError(
                f"{name}: each key must be 32 bytes in URL-safe base64; manage.py bootstrap makes a pair in the "
                "embedded mode, and python -m tradeops.core.vault_key prints one"
            )
        found.append(key)
    return tuple(found)


def public_of(private: bytes) -> bytes:
    from nacl.public import PrivateKey

    return bytes(PrivateKey(private).public_key)


def as_text(*keys: bytes) -> str:
    return ",".join(base64.urlsafe_b64encode(key).decode() for key in keys)


def key_id(public: bytes) -> str:
    """What a sealed text says of the pair it was made for: the first 8 hex digits of SHA-256 of the public half."""
    return hashlib.sha256(public).hexdigest()[:8]


def check_pair(*, private: str, public: str) -> None:
    """Raises ConfigurationError when both are given and what is sealed now could not be opened."""
    private_keys, public_keys = parse(private, name=PRIVATE), parse(public, name=PUBLIC)
    if private_keys and public_keys and public_keys[0] not in {public_of(key) for key in private_keys}:
        raise ConfigurationError(
            f"{PUBLIC} does not belong to {PRIVATE}: what web processes seal could never be opened; give the public "
            "half of the newest private key"
        )


def generate(data_dir: Path, *, given: str = "") -> bool:
    """Makes the pair of a data directory where there is none (mode 0600). Whether it wrote anything.

    With a `given` private key only its public half is written, for the web processes to seal to.
    """
    private_file, public_file = files(data_dir)
    made = not given and not private_file.exists()
    private = given or envfile.keep(private_file, make={PRIVATE: new}, comment=_COMMENT)[PRIVATE]
    public = as_text(*(public_of(key) for key in parse(private, name=PRIVATE if given else str(private_file))))
    if envfile.read(public_file).get(PUBLIC) == public:
        return made
    public_file.unlink(missing_ok=True)  # of a pair that was lost, or rotated
    envfile.keep(public_file, make={PUBLIC: lambda: public}, comment="What seals credentials: the public half.")
    return True


def files(data_dir: Path) -> tuple[Path, Path]:
    return data_dir / "vault.key", data_dir / "vault.pub"


if __name__ == "__main__":  # `python -m tradeops.core.vault_key`: a new pair, before there are any settings
    import sys

    made = new()
    halves = (f"{PRIVATE}={made}", f"{PUBLIC}={as_text(*map(public_of, parse(made, name=PRIVATE)))}")
    sys.stdout.write("\n".join(halves) + "\n")
