"""Applying a configuration file: read all of it, refuse it with every fault, or make the rows follow it."""

from __future__ import annotations

import ipaddress
from datetime import datetime
from pathlib import Path
from typing import Any, ClassVar, Protocol

from django.db import transaction
from django.db.models import Q

from accounts.models import AccountGroupMember
from relay.models import GroupMember, PrivateNetwork
from signals.models import Strategy
from tradeops.core import configuration, sealed

from .errors import ConfigurationFileError, Located
from .names import Names, declared
from .reader import Mapping, Node, parse
from .report import Report
from .schema import At, Faults, entries, kind_of, one_of
from .section import Item, Run, Section
from .sections import account_groups
from .sections.account_groups import AccountGroups
from .sections.accounts import Accounts
from .sections.address_lists import AddressLists
from .sections.analysis import Analysis
from .sections.channels import Channels
from .sections.endpoint_groups import EndpointGroups
from .sections.endpoints import Endpoints
from .sections.firewall import Firewall
from .sections.networks import PrivateNetworks
from .sections.risk import Risk
from .sections.sources import Sources
from .sections.strategies import Strategies


class Part(Protocol):
    """One section: `read` notes faults, `write` follows with what was read; `export` gives what `read` would take."""

    name: ClassVar[str]

    def __init__(self, run: Run) -> None: ...

    def read(self, node: Node, at: At) -> None: ...

    def write(self) -> None: ...

    def export(self, *, with_secrets: bool, notes: list[str]) -> Any: ...


# Read and written in this order: what is referred to comes first.
PARTS: tuple[type[Part], ...] = (
    Firewall, PrivateNetworks, AddressLists, Sources, Accounts, AccountGroups, Endpoints, EndpointGroups,
    Strategies, Risk, Channels, Analysis,
)  # fmt: skip
NOT_YET = ("upstreams",)
_LOST = Q(group__retired_at=None, group__active=True, endpoint__retired_at__isnull=False)
REFERS_TO = ("sources", "accounts", "groups", "endpoints", "endpoint_groups")
_SECTIONS = {"groups": "account_groups"}  # where a section is not called as the strategies' key is


def apply_file(path: Path, *, dry_run: bool, now: datetime) -> Report:
    """Like `apply_text`; relative `{file: …}` secrets are seen from the file's own folder. Raises OSError too."""
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise ConfigurationFileError([Located(str(path), 1, "", f"not UTF-8 text: {error.reason}")]) from None
    return apply_text(text, name=str(path), dry_run=dry_run, now=now, folder=path.parent)


def apply_text(text: str, *, name: str, dry_run: bool, now: datetime, folder: Path | None = None) -> Report:
    """Makes the stored configuration follow `text` in one transaction, and says what changed.

    `name` is the file's, as errors show it. Raises ConfigurationFileError with every fault; then, and in a dry run,
    nothing was changed.
    """
    root = parse(text, file=name)
    faults = Faults(name)
    if root is None:
        return Report(name, dry_run, ())
    if not isinstance(root, Mapping):
        faults.note(root.line, "", f"must be a map of sections, not {kind_of(root)}")
        raise ConfigurationFileError(faults.found)
    run = Run(
        now=now,
        folder=folder or Path(),
        names=Names(declared(root)),
        faults=faults,
        networks=[ipaddress.ip_network(cidr) for cidr in PrivateNetwork.objects.values_list("cidr", flat=True)],
    )
    parts = _read(root, run)
    sealed.token_digest("")  # the pepper exists before a transaction that may be rolled back
    try:
        with transaction.atomic():
            _write(parts, run)
            if run.changes and not dry_run:
                configuration.changed()
            if dry_run:
                transaction.set_rollback(True)
    finally:
        configuration.forget()  # what was cached meanwhile may be of a transaction that was rolled back
    return Report(name, dry_run, tuple(run.changes))


def _read(root: Mapping, run: Run) -> list[Part]:
    """Outside any transaction: it opens the files of secrets and may resolve an endpoint's name."""
    parts = {part.name: part(run) for part in PARTS}
    nodes = _sections(root, run.faults)
    for name, part in parts.items():
        if name in nodes:
            part.read(nodes[name], At(name, run.faults))
    _refuse_faults(run)
    return list(parts.values())


def _write(parts: list[Part], run: Run) -> None:
    for part in parts:
        part.write()
    _check_running_strategies([part for part in parts if isinstance(part, Section)])
    _refuse_faults(run)


def _sections(root: Mapping, faults: Faults) -> dict[str, Node]:
    found: dict[str, Node] = {}
    known = [part.name for part in PARTS]
    for key, node in entries(root, At("", faults), wanted="a map of sections"):
        if key.text in known:
            found[key.text] = node
        elif key.text in NOT_YET:
            faults.note(key.line, key.text, "is not available in this version; leave the section out")
        else:
            faults.note(key.line, key.text, one_of(key.text, known, noun="section"))
    return found


def _check_running_strategies(sections: list[Section]) -> None:
    """What runs refers to nothing retired, whichever of the two the file has changed."""
    items = {(section.name, item.slug): item for section in sections for item in section.items}
    account_groups.twice(items)
    running = Strategy.objects.filter(retired_at=None).exclude(mode=Strategy.Mode.OFF)
    for strategy in running.prefetch_related(*REFERS_TO):
        for name in REFERS_TO:
            for row in getattr(strategy, name).all():
                item = items.get((_SECTIONS.get(name, name), row.slug)) or items.get(("strategies", strategy.slug))
                if row.retired_at is not None and item is not None:
                    item.at.note(
                        item.node.line,
                        f"{row.slug!r} would be retired while strategy {strategy.slug!r} ({strategy.mode}) still uses "
                        f"it; take it out of that strategy's `{name}`, or switch the strategy off",
                    )
    _check_retired_accounts(items)
    for member in GroupMember.objects.filter(_LOST).select_related("group", "endpoint").defer("endpoint__secret"):
        item = items.get(("endpoints", member.endpoint.slug)) or items.get(("endpoint_groups", member.group.slug))
        if item is not None:
            item.at.note(
                item.node.line,
                f"{member.endpoint.slug!r} would be retired while endpoint group {member.group.slug!r} still has it; "
                "take it out of that group's `members`",
            )


def _check_retired_accounts(items: dict[tuple[str, str], Item]) -> None:
    lost = AccountGroupMember.objects.filter(group__retired_at=None, account__retired_at__isnull=False)
    for member in lost.select_related("group", "account"):
        account, group = member.account.slug, member.group.slug
        item = items.get(("accounts", account)) or items.get(("account_groups", group))
        if item is not None:
            item.at.note(
                item.node.line,
                f"{account!r} would be retired while account group {group!r} still has it; take it out of that group's "
                "`members`",
            )


def _refuse_faults(run: Run) -> None:
    if run.faults.found:
        raise ConfigurationFileError(run.faults.found)
