"""`accounts`: where orders go."""

from __future__ import annotations

from typing import Any

from accounts import services
from accounts.brokers import registry
from accounts.models import Account
from tradeops.config.reader import Node
from tradeops.config.schema import Amount, At, Choice, Flag, MapOf, Nullable, Text, Unavailable
from tradeops.config.section import SLUG, Field, Section
from tradeops.config.sections import holdings
from tradeops.config.sections.prices import PriceSource
from tradeops.core import money

CURRENCY = Text(12, r"[A-Za-z0-9]+", "a currency such as USDT")


class Balance:
    """An amount as text, which is how JSON keeps it exact."""

    def read(self, node: Node, at: At) -> str | None:
        return money.plain(Amount().read(node, at))


class Accounts(Section[Account]):
    name = "accounts"
    noun = "account"
    model = Account

    def declare(self) -> dict[str, Field]:
        return {
            "broker": Field(Choice(registry.kinds, "broker"), required=True),
            "client": Field(SLUG),
            "market": Field(Choice(lambda: Account.Market.values, "market")),
            "sandbox": Field(Flag()),
            "base_url": Field(Nullable(Text(200, r"https?://\S+", "an address that starts with https://"), "")),
            "balances": Field(MapOf(CURRENCY, Balance()), attribute="initial_balances"),
            "fee_bps": Field(Amount()),
            "prices": Field(Nullable(PriceSource(), "")),
            "currency": Field(CURRENCY),
            "dry_run": Field(Flag()),
            "active": Field(Flag()),
            "credentials": Field(Unavailable()),
            "leverage": Field(Unavailable()),
            "margin_mode": Field(Unavailable()),
        }

    def in_use(self) -> list[Account]:
        # The paper twin of a real account is made when a strategy needs it.
        return [row for row in super().in_use() if row.twin_of_id is None]

    def current(self, row: Account, name: str) -> Any:
        return row.client.slug if name == "client" else super().current(row, name)

    def create(self, slug: str, values: dict[str, Any]) -> None:
        fields = self._attributes(values)
        services.create(slug=slug, client_slug=fields.pop("client", services.HOUSE), **fields)

    def update(self, row: Account, changed: dict[str, Any]) -> None:
        services.update(account=row, changes=self._attributes(changed))

    def _attributes(self, values: dict[str, Any]) -> dict[str, Any]:
        return {self.fields[name].attribute or name: value for name, value in values.items()}

    def check_retire(self, row: Account) -> None:
        holdings.check_flat(row)

    def retire(self, row: Account) -> None:
        services.retire(account=row, now=self.run.now)
