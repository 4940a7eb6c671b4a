"""Schema and constraints only: what each slice writes is decided in that slice."""

from .decision import Decision
from .order import Fill, Order, OrderStep
from .paper import PaperBalance, PaperOrder
from .position import Position
from .report import BridgeReport
from .risk import RiskLimit, RiskScope
from .signal import DedupKey, RefusedAttempt, Signal
from .source import AddressList, Source
from .strategy import Strategy
from .watch import Difference, ExpiryWarning, Silence, WatchRound
from .work import WorkItem

__all__ = [
    "AddressList",
    "BridgeReport",
    "Decision",
    "DedupKey",
    "Difference",
    "ExpiryWarning",
    "Fill",
    "Order",
    "OrderStep",
    "PaperBalance",
    "PaperOrder",
    "Position",
    "RefusedAttempt",
    "RiskLimit",
    "RiskScope",
    "Signal",
    "Silence",
    "Source",
    "Strategy",
    "WatchRound",
    "WorkItem",
]
