"""A section whose items have secrets: they are compared and replaced, and never shown."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

from . import encrypted
from .secret import STORED, SecretValue
from .section import Item, M, Section


class SecretSection(Section[M]):
    """Whatever has a field of the type `Secret`."""

    @abstractmethod
    def has_secret(self, row: M, name: str) -> bool:
        """Whether the row has the secret of that field."""

    @abstractmethod
    def same_secret(self, row: M, name: str, secret: SecretValue, values: dict[str, Any]) -> bool:
        """Whether what the row has is `secret`; constant-time. `values` are the fields given with it."""

    @abstractmethod
    def exported_secret(self, row: M, name: str, *, place: str) -> dict[str, Any]:
        """As `read` takes it back, for who has the keys; asked only where `has_secret`."""

    def _require(self, item: Item) -> None:
        super()._require(item)
        self._keep_stored(item)

    def _keep_stored(self, item: Item) -> None:
        """`{stored: true}` is as good as leaving the field out where there is a secret, and a fault where not."""
        row = self.stored.get(item.slug)
        for name in [name for name, value in item.values.items() if value is STORED]:
            del item.values[name]
            if not item.absent and (row is None or not self.has_secret(row, name)):
                item.at.field(name).note(item.node.line, "there is no stored secret to keep; give it as {env: NAME}")

    def is_current(self, row: M, name: str, value: Any, values: dict[str, Any]) -> bool:
        if isinstance(value, SecretValue):
            return self.same_secret(row, name, value, values)
        return super().is_current(row, name, value, values)


class RowSecretSection(SecretSection[M]):
    """Where the row itself keeps them."""

    @abstractmethod
    def set_secret(self, row: M, name: str, secret: SecretValue) -> None:
        """Puts it on the row, unsaved; the other fields are there by then. Raises ConfigurationError."""

    @abstractmethod
    def stored_secret(self, row: M, name: str) -> SecretValue:
        """For the export; asked only where `has_secret`."""

    def exported_secret(self, row: M, name: str, *, place: str) -> dict[str, Any]:
        return {"encrypted": encrypted.seal(self.stored_secret(row, name).to_json(), place=place)}

    def assign_all(self, row: M, values: dict[str, Any]) -> None:
        secrets = {name: value for name, value in values.items() if isinstance(value, SecretValue)}
        super().assign_all(row, {name: value for name, value in values.items() if name not in secrets})
        for name, secret in secrets.items():
            self.set_secret(row, name, secret)
