"""US stocks at Alpaca (https://docs.alpaca.markets/reference), through alpaca-py: requirements-stocks.txt."""

from .broker import AlpacaBroker

__all__ = ["AlpacaBroker"]
