"""One field of many new rows at a time, read off the instances and ready for the database: for `core.rows`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from operator import attrgetter
from typing import Any

from django.db import models

from .fields import ExactDecimalField

# Given the instances and the connection.
Reader = Callable[[Sequence[models.Model], Any], Iterable[Any]]
# What a database takes as it stands on an instance: the type has been checked by whoever made the row.
_AS_IT_IS = (
    models.CharField, models.SlugField, models.TextField, models.BooleanField, models.ForeignKey,
    models.IntegerField, models.BigIntegerField,
    models.PositiveIntegerField, models.PositiveSmallIntegerField, models.PositiveBigIntegerField,
)  # fmt: skip


def reader(field: Any) -> Reader:
    """How the field's values are read off new instances, ready for the database; the ORM's own way costs ten times."""
    attribute = attrgetter(field.attname)
    if type(field) in _AS_IT_IS:
        return lambda instances, own: map(attribute, instances)
    if type(field) is models.DateTimeField and not (field.auto_now or field.auto_now_add):
        return lambda instances, own: _times(list(map(attribute, instances)), own)
    if type(field) is models.JSONField and not field.null:
        return lambda instances, own: _documents(list(map(attribute, instances)), field.encoder, own)
    if type(field) is ExactDecimalField:
        return lambda instances, own: _amounts(map(attribute, instances), field, own)
    return lambda instances, own: [
        field.get_db_prep_save(field.pre_save(instance, True), own) for instance in instances
    ]


def _amounts(values: Iterable[Any], field: Any, own: Any) -> list[Any]:
    return [None if value is None else field.get_db_prep_value(value, own) for value in values]


def _times(values: list[Any], own: Any) -> list[Any]:
    adapt = own.ops.adapt_datetimefield_value
    known = {value: adapt(value) for value in set(values)}  # the rows of one transaction often share theirs
    return [known[value] for value in values]


def _documents(values: list[Any], encoder: Any, own: Any) -> list[Any]:
    adapt = own.ops.adapt_json_value
    known = {id(value): None if value is None else adapt(value, encoder) for value in values}
    return [known[id(value)] for value in values]
