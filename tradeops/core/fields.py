"""Model fields: exact decimals on every database, and text that is encrypted at rest."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.core import exceptions
from django.db import models

from . import crypto, money


class ExactDecimalField(models.Field):
    """A Decimal kept to the last digit: `numeric` on PostgreSQL, text on SQLite.

    SQLite would store a decimal as an 8-byte float. Since it is text there, never compare, order or sum this
    field in SQL; running totals live in rows.
    """

    description = "Exact decimal"

    def db_type(self, connection: Any) -> str:
        return "numeric" if connection.vendor == "postgresql" else "varchar(48)"

    def from_db_value(self, value: object, expression: object, connection: object) -> Decimal | None:
        return None if value is None else Decimal(str(value))

    def to_python(self, value: object) -> Decimal | None:
        if value is None or value == "":
            return None
        if isinstance(value, Decimal):
            return value
        try:
            return money.exact(value)
        except ValueError as error:
            raise exceptions.ValidationError(str(error), code="invalid") from error

    def get_prep_value(self, value: object) -> Decimal | None:
        value = super().get_prep_value(value)
        return None if value is None else money.exact(value)

    def get_db_prep_value(self, value: object, connection: Any, prepared: bool = False) -> object:
        number: Any = value if prepared else self.get_prep_value(value)
        if number is None or connection.vendor == "postgresql":
            return number
        return money.plain(number)

    def value_to_string(self, obj: models.Model) -> str:
        value: Any = self.value_from_object(obj)
        return money.plain(value) or ""

    def formfield(self, **kwargs: Any) -> Any:
        from django import forms

        return super().formfield(form_class=forms.DecimalField, **kwargs)


class EncryptedTextField(models.TextField):
    """Text that only `crypto.decrypt` can read; the associated data is `app.Model.field`.

    The attribute holds plaintext in memory: never put it in a `repr`, a form's initial value or a log.
    """

    description = "Encrypted text"

    @property
    def place(self) -> str:
        return f"{self.model._meta.label}.{self.name}"

    def from_db_value(self, value: str | None, expression: object, connection: object) -> str | None:
        return crypto.decrypt(value, place=self.place) if value else value

    def get_prep_value(self, value: Any) -> Any:
        value = super().get_prep_value(value)
        return crypto.encrypt(value, place=self.place) if value else value
