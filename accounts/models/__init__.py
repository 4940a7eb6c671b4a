"""Who acts and with which account: operators, clients, trading accounts; and who is let in at all."""

from .account import Account
from .firewall import FirewallBan, FirewallRule, FirewallSettings
from .operator import Client, Operator

__all__ = ["Account", "Client", "FirewallBan", "FirewallRule", "FirewallSettings", "Operator"]
