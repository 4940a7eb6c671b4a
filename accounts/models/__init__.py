"""Who acts and with which account: operators, clients, trading accounts."""

from .account import Account
from .operator import Client, Operator

__all__ = ["Account", "Client", "Operator"]
