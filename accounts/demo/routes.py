"""Which endpoint answers which path. What is not here does not exist at this venue (HTTP 404)."""

from __future__ import annotations

from . import account, algos, history, public, trading
from .calls import Endpoint

PUBLIC: dict[str, Endpoint] = {
    "GET /api/v5/public/time": public.time,
    "GET /api/v5/public/instruments": public.instruments,
    "GET /api/v5/public/mark-price": public.mark_price,
    "GET /api/v5/market/ticker": public.ticker,
    "GET /api/v5/market/tickers": public.tickers,
    "GET /api/v5/market/books": public.books,
    "GET /api/v5/market/candles": public.candles,
}
PRIVATE: dict[str, Endpoint] = {
    "GET /api/v5/account/balance": account.balance,
    "GET /api/v5/account/positions": account.positions,
    "GET /api/v5/account/config": account.config,
    "GET /api/v5/account/instruments": public.instruments,
    "POST /api/v5/account/set-position-mode": account.set_position_mode,
    "POST /api/v5/account/set-leverage": account.set_leverage,
    "GET /api/v5/account/leverage-info": account.leverage_info,
    "GET /api/v5/account/max-size": account.max_size,
    "GET /api/v5/account/max-avail-size": account.max_avail_size,
    "GET /api/v5/account/bills": account.bills,
    "GET /api/v5/account/bills-archive": account.bills,
    "POST /api/v5/trade/order": trading.place,
    "POST /api/v5/trade/batch-orders": trading.place_batch,
    "POST /api/v5/trade/cancel-order": trading.cancel,
    "POST /api/v5/trade/cancel-batch-orders": trading.cancel_batch,
    "POST /api/v5/trade/close-position": trading.close_position,
    "GET /api/v5/trade/order": history.order,
    "GET /api/v5/trade/orders-pending": history.pending,
    "GET /api/v5/trade/orders-history": history.finished,
    "GET /api/v5/trade/orders-history-archive": history.finished,
    "GET /api/v5/trade/fills": history.fills,
    "GET /api/v5/trade/fills-history": history.fills_history,
    "POST /api/v5/trade/order-algo": algos.place,
    "POST /api/v5/trade/cancel-algos": algos.cancel,
    "GET /api/v5/trade/order-algo": algos.one,
    "GET /api/v5/trade/orders-algo-pending": algos.pending,
    "GET /api/v5/trade/orders-algo-history": algos.finished,
}
PATHS = frozenset(call.partition(" ")[2] for call in (*PUBLIC, *PRIVATE))
