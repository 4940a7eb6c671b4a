"""Schema and constraints only: what each slice writes is decided in that slice."""

from .decision import Decision
from .order import Fill, Order, OrderStep
from .paper import PaperBalance, PaperOrder
from .position import Position
from .risk import RiskLimit, RiskScope
from .signal import DedupKey, RefusedAttempt, Signal
from .source import AddressList, Source
from .strategy import Strategy
from .work import WorkItem

__all__ = [
    "AddressList",
    "Decision",
    "DedupKey",
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
    "Source",
    "Strategy",
    "WorkItem",
]
