"""A section's rows as the file gives them: the way back of `section`."""

from __future__ import annotations

from collections.abc import Mapping as Map
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any, cast

from tradeops.core import money

from .schema import Nullable
from .secret import Credentials, Secret

if TYPE_CHECKING:
    from .secret_section import SecretSection
    from .section import Section


def items(section: Section[Any], *, with_secrets: bool, notes: list[str]) -> list[dict[str, Any]]:
    """Every item in use, by slug. What it refers to that is retired is left out, and noted."""
    return [_item(section, row, with_secrets=with_secrets, notes=notes) for row in section.in_use()]


def _item(section: Section[Any], row: Any, *, with_secrets: bool, notes: list[str]) -> dict[str, Any]:
    found: dict[str, Any] = {"slug": row.slug}
    for name, field in section.fields.items():
        if not field.stored:
            continue
        place = f"{section.name}[{row.slug}].{name}"
        if isinstance(field.type, Secret):
            keeper = cast("SecretSection[Any]", section)  # as everybody with such a field
            secret = _secret(keeper, row, name, place=place, with_secrets=with_secrets)
            if secret is not None:
                found[name] = secret
            continue
        value = section.current(row, name)
        if field.relation:
            retired = {item.slug for item in section.related(row, name) if item.retired_at is not None}
            if retired:
                notes.append(
                    f"{place} also names what is retired: {', '.join(sorted(retired))}. Applying takes it out."
                )
            value = [slug for slug in value if slug not in retired]
        if isinstance(field.type, Nullable) and value == field.type.empty:
            value = None
        found[name] = plain(value)
    return found


def _secret(
    section: SecretSection[Any], row: Any, name: str, *, place: str, with_secrets: bool
) -> dict[str, Any] | None:
    """A required one that is left out is asked for where it is new; an optional one would be missed by nobody."""
    if not section.has_secret(row, name):
        return None
    if with_secrets:
        return section.exported_secret(row, name, place=place)
    asked_for = section.fields[name].required or isinstance(section.fields[name].type, Credentials)
    return None if asked_for else {"stored": True}


def plain(value: Any) -> Any:
    """In YAML's terms: decimals as text to the last digit, maps by name, since a database need not keep their order."""
    if isinstance(value, Decimal):
        return money.plain(value)
    if isinstance(value, Map):
        return {str(key): plain(value[key]) for key in sorted(value)}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if value is None or isinstance(value, bool | int | date):
        return value
    return str(value)
