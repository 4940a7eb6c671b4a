"""OKX's API with Binance's manners: orders without a deadline, and ids that are taken again after a fill."""

from __future__ import annotations

from dataclasses import replace

from accounts.brokers.okx import OkxBroker


class ReusingBroker(OkxBroker):
    capabilities = replace(OkxBroker.capabilities, send_expiry=False, reuses_ids=True)
