"""Writing the stored configuration as a file that `apply` reads: the same format, in an order that never changes.

Applied where it came from it changes nothing. Secrets are left out, or encrypted under the key ring: then an empty
instance with the same ring becomes the same, and its own export is the same to the byte; so nothing here depends on
time, on row ids or on the order of rows.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml

from tradeops.core.errors import ConfigurationError

from . import apply
from .errors import ConfigurationFileError
from .names import Names
from .schema import Faults
from .section import Run

_HEAD = """\
# TradeOps configuration, as `manage.py export_config` wrote it. To apply it: manage.py apply_config FILE
# Not in it: what is retired, operators and clients' names, kill switches, and the previous secret of a rotation.
"""
_WITHOUT = """\
# Secrets are left out. Where this is applied, each source and endpoint that is new there needs its own
# `secret: {env: NAME}`, each new account at a venue its `credentials`; what is stored already is kept.
"""
_WITH = """\
# Secrets are encrypted: only an instance with the same TRADEOPS_ENCRYPTION_KEYS can read them, each at its place;
# accounts' credentials are sealed, and opened only by trade workers with the same TRADEOPS_VAULT_KEY.
"""


class Item(dict[str, Any]):
    """One item of a section: written over several lines, what is in it on one line a field."""


class _Dumper(yaml.SafeDumper):
    def ignore_aliases(self, data: Any) -> bool:
        return True  # an anchor would have to be looked up by a person

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)  # list items stand under their section, not below its name


_Dumper.add_representer(
    Item, lambda dumper, item: dumper.represent_mapping("tag:yaml.org,2002:map", item.items(), flow_style=False)
)


def document(*, with_secrets: bool) -> tuple[dict[str, Any], list[str]]:
    """The sections in the order in which they are applied, and what a reader should know that is not in them."""
    run = Run(now=datetime.min.replace(tzinfo=UTC), folder=Path(), names=Names({}), faults=Faults(""), networks=[])
    found: dict[str, Any] = {}
    notes: list[str] = []
    for part in apply.PARTS:
        content = part(run).export(with_secrets=with_secrets, notes=notes)
        if content:
            found[part.name] = content
    return found, notes


def as_yaml(*, with_secrets: bool) -> str:
    """Raises ConfigurationError when a secret that is to be written cannot be opened."""
    content, notes = document(with_secrets=with_secrets)
    parts = [_HEAD + (_WITH if with_secrets else _WITHOUT) + "".join(f"# {note}\n" for note in notes)]
    for name, section in content.items():
        block = Item({name: Item(section) if name == "risk" else section})
        parts.append(yaml.dump(block, Dumper=_Dumper, default_flow_style=None, allow_unicode=True, width=116,
                               sort_keys=False))  # fmt: skip
    return "\n".join(parts)


def as_json(*, with_secrets: bool) -> str:
    """The same without the comments; JSON is YAML too, so `apply` reads it."""
    content, _ = document(with_secrets=with_secrets)
    return json.dumps(content, indent=2, ensure_ascii=False, default=str) + "\n"


def check(text: str, *, name: str) -> list[str]:
    """Reads an export back, here: what would change or be refused, a sentence each. Empty is as it should be."""
    try:
        report = apply.apply_text(text, name=name, dry_run=True, now=datetime.now(UTC))
    except ConfigurationFileError as error:
        return [str(fault) for fault in error.errors]
    except ConfigurationError as error:
        return [str(error)]
    return [str(change) for change in report.changes]
