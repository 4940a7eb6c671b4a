"""Small files of generated values, `NAME=value` a line, readable by their owner only."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path


def read(path: Path) -> dict[str, str]:
    """The names and values; nothing for a file that is not there. Lines that start with # are comments."""
    if not path.exists():
        return {}
    lines = (line.partition("=") for line in path.read_text().splitlines() if line and not line.startswith("#"))
    return {name.strip(): value.strip() for name, _, value in lines}


def keep(path: Path, *, make: Mapping[str, Callable[[], str]], comment: str) -> dict[str, str]:
    """The values of `make`'s names as the file has them; what is missing is generated once and written, mode 0600.

    The file is written whole or not at all, and of two processes that create it the first one counts.
    """
    existed, found = path.exists(), read(path)
    if not make.keys() <= found.keys():
        values = {**found, **{name: maker() for name, maker in make.items() if name not in found}}
        _write(path, _text(values, comment), replace=existed)
        return keep(path, make=make, comment=comment)
    return {name: found[name] for name in make}


def _text(values: Mapping[str, str], comment: str) -> str:
    lines = [f"# {line}" for line in comment.splitlines()] + [f"{name}={value}" for name, value in values.items()]
    return "\n".join(lines) + "\n"


def _write(path: Path, text: str, *, replace: bool) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.parent / f".{path.name}.{os.getpid()}"
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as handle:
        handle.write(text)
        handle.flush()
        os.fsync(handle.fileno())
    try:
        if replace:
            os.replace(draft, path)
        else:
            os.link(draft, path)  # unlike a rename, fails if somebody else was first
    except FileExistsError:
        pass
    finally:
        draft.unlink(missing_ok=True)
