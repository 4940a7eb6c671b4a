"""The portal's settings and one broker more: an OKX account with Binance's manners, for runs against the demo venue.

Nothing bounds how late an order may arrive, and the id of an order that has been filled is taken again
(DESIGN §6); the demo venue behaves so with `reuse_ids` and `ignore_expiry`.
"""

from tradeops.settings import *  # noqa: F403
from tradeops.settings import BROKERS

BROKERS = {**BROKERS, "okx-reuses": "tests.fakes.no_expiry_broker.ReusingBroker"}
