"""Conditions that are written into the SQL instead of bound, where a partial index depends on it.

SQLite uses a partial index only when the query repeats the index's condition in the same text: with bound parameters
it would read the whole table.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from django.db.models import CharField, Func, Q

_PLAIN = re.compile(r"[A-Za-z_]+\Z")


def one_of(field: str, values: Iterable[str]) -> Q:
    """`field IN ('A', 'B')`, the values in the order of the index's condition. Only for constants: letters and _."""
    return Q(**{f"{field}__in": [_constant(value) for value in values]})


def equal(field: str, value: str) -> Q:
    """`field = 'a'`; only for constants."""
    return Q(**{field: _constant(value)})


def _constant(value: str) -> Func:
    if not _PLAIN.match(value):
        raise ValueError(f"{value!r} is not a constant that may stand in SQL")
    return Func(template=f"'{value}'", output_field=CharField())
