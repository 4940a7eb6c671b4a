"""Writing rows with statements that are put together once.

The ORM compiles an INSERT or UPDATE anew for each row, which costs several times what the database needs for it and,
inside a transaction on SQLite, holds up every other writer. Only for models without parents and save hooks.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache
from itertools import chain
from typing import Any, TypeVar

from django.db import DEFAULT_DB_ALIAS, connection, connections, models, transaction
from django.db.models.base import ModelState

from . import statements
from .columns import Reader, reader

M = TypeVar("M", bound=models.Model)
# SQLite takes 32,766 bound values in a statement, as it is built by default.
MOST_VALUES = 30_000
# From here on PostgreSQL's COPY is cheaper, though the keys must be asked for first: 18 columns cost 76 µs a row in an
# INSERT of 192 rows, 5 µs in a COPY. Below, an INSERT that is prepared is.
COPY_FROM = 33


def make(model: type[M], **values: Any) -> M:
    """A new instance, as `model(**values)` makes it, for a tenth of the cost; relations by their ids (`signal_id`)."""
    constants, factories, names = _blank(model)
    if not names >= values.keys():
        raise TypeError(f"{model.__name__} has no {', '.join(sorted(values.keys() - names))}")
    instance = model.__new__(model)
    instance.__dict__.update(constants, _state=ModelState(), **values)
    for name, factory in factories:
        if name not in values:
            instance.__dict__[name] = factory()
    return instance


@cache
def _blank(
    model: type[models.Model],
) -> tuple[dict[str, Any], tuple[tuple[str, Callable[[], Any]], ...], frozenset[str]]:
    """The defaults that are the same for every instance, those that are made for each, and the names of all fields."""
    fields = model._meta.concrete_fields
    made = tuple((field.attname, field.default) for field in fields if field.has_default() and callable(field.default))
    own = {name for name, _ in made}
    constants = {field.attname: field.get_default() for field in fields if field.attname not in own}
    return constants, made, frozenset(field.attname for field in fields)


def insert(instance: M) -> M:
    """Inserts `instance`, sets its primary key, and returns it. Raises what the database raises."""
    insert_all([instance])
    return instance


def insert_all(instances: Sequence[models.Model]) -> None:
    """Inserts rows of one model and sets their primary keys."""
    if len(instances) >= COPY_FROM and connection.vendor == "postgresql":
        keys = _copy(instances)
    else:
        keys = [key for some in _chunks(instances) for key in _insert_some(some)]
    for instance, key in zip(instances, keys, strict=True):
        instance.pk = key
        instance._state.adding, instance._state.db = False, DEFAULT_DB_ALIAS


def _insert_some(instances: Sequence[models.Model]) -> list[int]:
    statement, values, returning = _many(instances)
    return sorted(key for [key] in statements.fetch(statement + returning, values))  # given in the order of the rows


def _copy(instances: Sequence[models.Model]) -> list[int]:
    model = type(instances[0])
    sequence, statement, readers = _copied(model)
    # Ids are drawn in the transaction that inserts them: `settled` goes by that.
    with transaction.atomic(savepoint=False), connection.cursor() as cursor:
        cursor.execute(sequence, [len(instances)])
        keys = sorted(key for [key] in cursor.fetchall())
        with connection.wrap_database_errors, cursor.copy(statement) as copy:
            for row in zip(keys, *_columns(instances, readers), strict=True):
                copy.write_row(row)
    return keys


@cache
def _copied(model: type[models.Model]) -> tuple[str, str, tuple[Reader, ...]]:
    fields = tuple(field for field in model._meta.local_concrete_fields if not field.primary_key)
    table, key = model._meta.db_table, model._meta.pk.column
    columns = ", ".join(f'"{name}"' for name in (key, *(field.column for field in fields)))
    sequence = f"SELECT nextval(pg_get_serial_sequence('\"{table}\"', '{key}')) FROM generate_series(1, %s)"  # noqa: S608
    return sequence, f'COPY "{table}" ({columns}) FROM STDIN', tuple(map(reader, fields))


def _chunks(instances: Sequence[M]) -> Iterator[Sequence[M]]:
    """As few as the number of values in a statement allows."""
    if not instances:
        return
    most = max(1, MOST_VALUES // len(instances[0]._meta.local_concrete_fields))
    for start in range(0, len(instances), most):
        yield instances[start : start + most]


def insert_new(instances: Sequence[models.Model]) -> list[int]:
    """Inserts those that break no unique constraint. Returns their keys, in their order; they are not set."""
    keys: list[int] = []
    for some in _chunks(instances):
        statement, values, returning = _many(some)
        keys += sorted(key for [key] in statements.fetch(f"{statement} ON CONFLICT DO NOTHING{returning}", values))
    return keys


def put_all(instances: Sequence[models.Model], *, unique: tuple[str, ...]) -> None:
    """Inserts rows, or writes all their other fields where those of `unique`, a constraint's, are there already."""
    for some in _chunks(instances):
        statement, values, _ = _many(some)
        statements.change(statement + _otherwise(type(some[0]), unique), values)


@cache
def _otherwise(model: type[models.Model], unique: tuple[str, ...]) -> str:
    fields: list[Any] = [field for field in model._meta.local_concrete_fields if not field.primary_key]
    keys = ", ".join(f'"{field.column}"' for field in fields if field.name in unique)
    changes = ", ".join(f'"{field.column}" = excluded."{field.column}"' for field in fields if field.name not in unique)
    return f" ON CONFLICT ({keys}) DO UPDATE SET {changes}"


def _many(instances: Sequence[models.Model]) -> tuple[str, list[Any], str]:
    """The statement up to its values, the values, and what asks for the keys."""
    head, marks, returning, readers = _insert(type(instances[0]), connection.vendor)
    values = list(chain.from_iterable(zip(*_columns(instances, readers), strict=True)))
    return head + ", ".join([marks] * len(instances)), values, returning


def _columns(instances: Sequence[models.Model], readers: Sequence[Reader]) -> list[Iterable[Any]]:
    own = connections[DEFAULT_DB_ALIAS]
    return [read(instances, own) for read in readers]


def update(instance: models.Model, *names: str) -> None:
    """Writes the named fields of a row that exists."""
    statement, fields = _update(type(instance), names)
    values = [field.get_db_prep_save(field.pre_save(instance, False), connection) for field in fields]
    statements.change(statement, [*values, instance.pk])


def update_each(instances: Sequence[models.Model], *names: str) -> None:
    """As `update` for each of these rows of one model: on PostgreSQL with one statement."""
    if len(instances) < 2 or connection.vendor != "postgresql":
        for instance in instances:
            update(instance, *names)
        return
    head, marks, tail, fields = _update_each(type(instances[0]), names)
    values = [
        value
        for instance in instances
        for value in (
            instance.pk,
            *(field.get_db_prep_save(field.pre_save(instance, False), connection) for field in fields),
        )
    ]
    statements.change(head + ", ".join([marks] * len(instances)) + tail, values)


@cache
def _update_each(model: type[models.Model], names: tuple[str, ...]) -> tuple[str, str, str, tuple[Any, ...]]:
    fields: tuple[Any, ...] = tuple(model._meta.get_field(name) for name in names)
    key = model._meta.pk
    settings = ", ".join(f'"{field.column}" = given."{field.column}"' for field in fields)
    columns = ", ".join(f'"{field.column}"' for field in (key, *fields))
    # Without the length: a cast to it would cut off what an assignment refuses.
    types = [str(field.rel_db_type(connection)).partition("(")[0] for field in (key, *fields)]
    marks = ", ".join(f"%s::{kind}" for kind in types)
    head = f'UPDATE "{model._meta.db_table}" AS present SET {settings} FROM (VALUES '  # noqa: S608
    return head, f"({marks})", f') AS given ({columns}) WHERE present."{key.column}" = given."{key.column}"', fields


def update_all(model: type[models.Model], keys: Sequence[int], **values: Any) -> int:
    """Writes the same values into the rows of these primary keys; returns how many there were."""
    if not keys:
        return 0
    statement, fields = _update_all(model, tuple(values), connection.vendor)
    prepared = [field.get_db_prep_save(value, connection) for field, value in zip(fields, values.values(), strict=True)]
    listed = list(keys) if connection.vendor == "postgresql" else json.dumps(list(keys))
    return statements.change(statement, [*prepared, listed])


@cache
def _update_all(model: type[models.Model], names: tuple[str, ...], vendor: str) -> tuple[str, tuple[Any, ...]]:
    """One text for any number of keys: SQLite prepares it once."""
    fields: tuple[Any, ...] = tuple(model._meta.get_field(name) for name in names)
    settings = ", ".join(f'"{field.column}" = %s' for field in fields)
    among = "= ANY(%s)" if vendor == "postgresql" else "IN (SELECT value FROM json_each(%s))"
    return f'UPDATE "{model._meta.db_table}" SET {settings} WHERE "{model._meta.pk.column}" {among}', fields  # noqa: S608


@cache
def _insert(model: type[models.Model], vendor: str) -> tuple[str, str, str, tuple[Reader, ...]]:
    fields = tuple(field for field in model._meta.local_concrete_fields if not field.primary_key)
    columns = ", ".join(f'"{field.column}"' for field in fields)
    marks = ", ".join(["%s"] * len(fields))
    head = f'INSERT INTO "{model._meta.db_table}" ({columns}) VALUES '  # noqa: S608
    return head, f"({marks})", f' RETURNING "{model._meta.pk.column}"', tuple(map(reader, fields))


@cache
def _update(model: type[models.Model], names: tuple[str, ...]) -> tuple[str, tuple[Any, ...]]:
    fields: tuple[Any, ...] = tuple(model._meta.get_field(name) for name in names)
    settings = ", ".join(f'"{field.column}" = %s' for field in fields)
    key = model._meta.pk.column
    return f'UPDATE "{model._meta.db_table}" SET {settings} WHERE "{key}" = %s', fields  # noqa: S608


def select(
    model: type[models.Model], *names: str, where: str, params: Sequence[Any] = (), lock: bool = False
) -> list[tuple[Any, ...]]:
    """The named fields, as Python values, of the rows that fulfil `where`: SQL text with %s for `params`, a constant.

    `lock` holds the rows until the transaction ends (on SQLite the transaction itself does), in order of their keys.
    """
    own = connections[DEFAULT_DB_ALIAS]
    statement, conversions = _select(model, names, where, lock, own.vendor)
    found = statements.fetch(statement, list(params))
    if not conversions:
        return found
    return [_converted(row, conversions, own) for row in found]


def fetch(model: type[M], *names: str, where: str, params: Sequence[Any] = (), lock: bool = False) -> list[M]:
    """As `select`, as instances with the other fields deferred; the primary key is among them in any case."""
    attributes = _attributes(model, names)
    found = select(model, *attributes, where=where, params=params, lock=lock)
    return [model.from_db(DEFAULT_DB_ALIAS, attributes, row) for row in found]


@cache
def _attributes(model: type[models.Model], names: tuple[str, ...]) -> tuple[str, ...]:
    """In the model's own order, in which `from_db` wants them."""
    wanted = {model._meta.get_field(name) for name in names} | {model._meta.pk}
    return tuple(field.attname for field in model._meta.concrete_fields if field in wanted)


_Conversion = tuple[int, list[Any], Any]


def _converted(row: tuple[Any, ...], conversions: Sequence[_Conversion], own: Any) -> tuple[Any, ...]:
    values = list(row)
    for number, converters, column in conversions:
        for convert in converters:
            values[number] = convert(values[number], column, own)
    return tuple(values)


@cache
def _select(
    model: type[models.Model], names: tuple[str, ...], where: str, lock: bool, vendor: str
) -> tuple[str, tuple[_Conversion, ...]]:
    """The statement, and what turns its values into Python's: only the columns that need it."""
    table = model._meta.db_table
    columns: list[Any] = [model._meta.get_field(name).get_col(table) for name in names]  # type: ignore[union-attr]
    listed = ", ".join(f'"{column.target.column}"' for column in columns)
    statement = f'SELECT {listed} FROM "{table}" WHERE {where}'  # noqa: S608
    if lock:
        statement += f' ORDER BY "{model._meta.pk.column}"'
        statement += " FOR NO KEY UPDATE" if vendor == "postgresql" else ""
    found = [connection.ops.get_db_converters(column) + column.get_db_converters(connection) for column in columns]
    return statement, tuple((number, each, columns[number]) for number, each in enumerate(found) if each)
