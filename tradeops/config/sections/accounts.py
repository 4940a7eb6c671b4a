"""`accounts`: where orders go."""

from __future__ import annotations

from typing import Any

from accounts import credentials, services, vault
from accounts.brokers import kinds
from accounts.models import Account, Credential
from signals.risk import windows
from tradeops.config.reader import Node
from tradeops.config.report import Action, Change
from tradeops.config.schema import Amount, At, Choice, Flag, MapOf, Nullable, Text
from tradeops.config.secret import Credentials, CredentialsValue, SecretValue
from tradeops.config.secret_section import SecretSection
from tradeops.config.section import SLUG, Field, Item
from tradeops.config.sections import holdings
from tradeops.config.sections.prices import PriceSource
from tradeops.core import money
from tradeops.core.errors import ConfigurationError

BY = "the configuration file"
BINDING = credentials.BINDING
ERASED = "erased: the account leads elsewhere now; give its new ones"
CURRENCY = Text(12, r"[A-Za-z0-9]+", "a currency such as USDT")


class Balance:
    """An amount as text, which is how JSON keeps it exact."""

    def read(self, node: Node, at: At) -> str | None:
        return money.plain(Amount().read(node, at))


class TimeZone:
    """By whose midnight the account's days begin."""

    def read(self, node: Node, at: At) -> str:
        text = Text(60, wanted="a time zone").read(node, at)
        try:
            windows.zone(text)
        except ConfigurationError as error:
            at.fail(node, str(error))
        return text


class Accounts(SecretSection[Account]):
    name = "accounts"
    noun = "account"
    model = Account

    def declare(self) -> dict[str, Field]:
        return {
            "broker": Field(Choice(kinds.kinds, "broker"), required=True),
            "client": Field(SLUG),
            "market": Field(Choice(lambda: Account.Market.values, "market")),
            "sandbox": Field(Flag()),
            "base_url": Field(Nullable(Text(200, r"https?://\S+", "an address that starts with https://"), "")),
            "balances": Field(MapOf(CURRENCY, Balance()), attribute="initial_balances"),
            "fee_bps": Field(Amount()),
            "slippage_bps": Field(Amount()),
            "prices": Field(Nullable(PriceSource(), "")),
            "currency": Field(CURRENCY),
            "time_zone": Field(TimeZone()),
            "dry_run": Field(Flag()),
            "active": Field(Flag()),
            "credentials": Field(Credentials(self.run.folder)),
            "leverage": Field(Nullable(Amount(above_zero=True), None)),
            "margin_mode": Field(Choice(lambda: Account.MarginMode.values, "margin mode")),
            "external_trades": Field(Choice(lambda: Account.ExternalTrades.values, "way to treat them")),
        }

    def read(self, node: Node, at: At) -> None:
        super().read(node, at)
        vault.prepare()

    def _require(self, item: Item) -> None:
        super()._require(item)
        if item.absent or item.slug in self.stored or "credentials" in item.given or "broker" not in item.values:
            return
        if vault.needs_credentials(Account(slug=item.slug, broker=item.values["broker"])):
            at, broker = item.at.field("credentials"), item.values["broker"]
            at.note(item.node.line, f"is required for a new account of the broker {broker}")

    def in_use(self) -> list[Account]:
        # The paper twin of a real account is made when a strategy needs it.
        return [row for row in super().in_use() if row.twin_of_id is None]

    def current(self, row: Account, name: str) -> Any:
        return row.client.slug if name == "client" else super().current(row, name)

    def create(self, slug: str, values: dict[str, Any]) -> None:
        fields = self._attributes(values)
        row = services.create(slug=slug, client_slug=fields.pop("client", services.HOUSE), **fields)
        self._store(row, values)

    def update(self, row: Account, changed: dict[str, Any]) -> None:
        had = Credential.objects.filter(account=row).exists()
        services.update(account=row, changes=self._attributes(changed), by=BY, now=self.run.now)
        self._store(row, changed)
        if had and not Credential.objects.filter(account=row).exists():
            self.run.changes.append(Change(Action.UPDATE, self.noun, row.slug, "credentials", "set", ERASED))

    def _attributes(self, values: dict[str, Any]) -> dict[str, Any]:
        names = {name for name, value in values.items() if not isinstance(value, CredentialsValue)}
        return {self.fields[name].attribute or name: values[name] for name in values if name in names}

    # Credentials ------------------------------------------------------------------------------------------------

    def _store(self, row: Account, values: dict[str, Any]) -> None:
        """After the account: they are sealed for where it leads now."""
        value = values.get("credentials")
        if not isinstance(value, CredentialsValue):
            return
        if value.text:
            credentials.store_sealed(account=row, text=value.text, parts=list(value.names), by=BY, now=self.run.now)
        else:
            credentials.store(account=row, values=value.parts, by=BY, now=self.run.now)

    def has_secret(self, row: Account, name: str) -> bool:
        return Credential.objects.filter(account=row).exists()

    def same_secret(self, row: Account, name: str, secret: SecretValue, values: dict[str, Any]) -> bool:
        """Never, where the file leads the account elsewhere: then those that are stored do not stay."""
        stored = Credential.objects.filter(account=row).first()
        if stored is None or any(values.get(part, getattr(row, part)) != getattr(row, part) for part in BINDING):
            return False
        assert isinstance(secret, CredentialsValue)
        if secret.text:
            return stored.sealed == secret.text and sorted(stored.names) == sorted(secret.names)
        return credentials.same(row, stored, secret.parts)

    def exported_secret(self, row: Account, name: str, *, place: str) -> dict[str, Any]:
        """As they are stored: bound to the account's name and address, they open nowhere else."""
        stored = Credential.objects.get(account=row)
        return {"sealed": stored.sealed, "names": sorted(stored.names)}

    def check_retire(self, row: Account) -> None:
        holdings.check_flat(row)

    def retire(self, row: Account) -> None:
        services.retire(account=row, now=self.run.now)
