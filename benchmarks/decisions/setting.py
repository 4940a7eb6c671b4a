"""The configuration that is decided under: strategies of one, four and ten accounts, and every rule with limits that it
compares something with, in all three scopes where that makes sense, wide enough that all of them pass."""

from __future__ import annotations

COUNTS = (1, 4, 10)
SYMBOLS = {"BTC": "50000", "ETH": "3000", "SOL": "150", "XRP": "2"}  # bought and closed, with the price of each
HELD = {"ADA": "1", "LTC": "90"}  # bought once and held, so that there is something to count
SLUGS = {1: "one", 4: "four", 10: "ten"}

_WHOLE_WEEK = '[{days: mon-sun, from: "00:00", to: "24:00", time_zone: America/New_York}]'
_NAMES = ", ".join(f"'{symbol}/USDT:USDT'" for symbol in (*SYMBOLS, *HELD))
_LIMITS = (
    f"max_open_positions: 500, max_positions_per_symbol: 20, max_position_size: '1000', max_order_notional: '100000',"
    f" max_exposure: {{gross: '9000000', net: '9000000', per_symbol: '9000000'}}, max_leverage: 10, max_spread: '2%',"
    f" price_collar: '5%', daily_loss: '50%', max_drawdown: '50%', max_orders_per_minute: 100000,"
    f" duplicate_direction: reject, cooldown_after_loss: 1, confidence_floor: '0.1', allowed_symbols: [{_NAMES}],"
    f" trading_window: {_WHOLE_WEEK}, market_hours: 24/7, dte_range: {{min: 0, max: 4000}}, max_premium: '1000000'"
)


def configuration() -> str:
    """YAML; the source's token is `{env: BENCH_TOKEN}`."""
    everyone = [slug for count in COUNTS for slug in accounts(count)]
    made = "\n".join(
        f"  - {{slug: {slug}, broker: paper, market: swap, balances: {{USDT: '10000000'}}, fee_bps: '0',"
        " prices: message, leverage: 2}"
        for slug in everyone
    )
    mapped = ", ".join(f"{symbol}USDT: '{venue_symbol(symbol)}'" for symbol in (*SYMBOLS, *HELD))
    strategies = "\n".join(
        f"  - {{slug: {slug}, sources: [tv], mode: live, symbols: {{{mapped}}}, windows: {_WHOLE_WEEK},\n"
        "     sizing: {mode: fixed_quantity, value: '0.01'}, max_age_seconds: 900,"
        f" accounts: [{', '.join(accounts(count))}]}}"
        for count, slug in SLUGS.items()
    )
    by_strategy = "\n".join(f"    {slug}: {{{_LIMITS}}}" for slug in SLUGS.values())
    by_account = "\n".join(f"    {slug}: {{{_LIMITS}}}" for slug in everyone)
    return f"""
sources:
  - {{slug: tv, auth: token, secret: {{env: BENCH_TOKEN}}, allowed_ips: [127.0.0.0/8], rate_limit: 0}}
accounts:
{made}
strategies:
{strategies}
risk:
  global: {{{_LIMITS}}}
  strategies:
{by_strategy}
  accounts:
{by_account}
"""


def accounts(count: int) -> list[str]:
    """Those of the strategy that has so many: its own, as what one strategy holds is there for another's rules."""
    return [f"{SLUGS[count]}-{number}" for number in range(1, count + 1)]


def venue_symbol(symbol: str) -> str:
    return f"{symbol}/USDT:USDT"
