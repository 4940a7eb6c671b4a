"""Who acts and with which account: operators, clients, trading accounts; and who is let in at all."""

from .account import Account
from .credential import Credential
from .firewall import FirewallBan, FirewallRule, FirewallSettings
from .group import AccountGroup, AccountGroupMember
from .holding import AccountBalance, AccountPosition, AccountSync, AccountTransfer
from .operator import Client, Operator
from .setting import VenueSetting
from .telegram import TelegramCode, TelegramCommand, TelegramLink

__all__ = [
    "Account",
    "AccountBalance",
    "AccountGroup",
    "AccountGroupMember",
    "AccountPosition",
    "AccountSync",
    "AccountTransfer",
    "Client",
    "Credential",
    "FirewallBan",
    "FirewallRule",
    "FirewallSettings",
    "Operator",
    "TelegramCode",
    "TelegramCommand",
    "TelegramLink",
    "VenueSetting",
]
