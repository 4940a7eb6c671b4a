"""Schema and constraints only: what each slice writes is decided in that slice."""

from .analysis import AnalysisPlan, AnalysisRun, Forecast
from .approval import Approval
from .decision import Decision
from .equity import AccountEquity, EquityDay, EquityPoint
from .exit import ExitPlan, PnlDay, RoundTrip
from .market import Bar, MarketDay
from .order import Fill, Order, OrderAnswer, OrderStep
from .paper import PaperBalance, PaperMove, PaperOrder, PaperPosition, PaperTrade, StoredQuote
from .position import Position
from .reconciliation import (
    ExternalPosition,
    ExternalTrade,
    Reconciliation,
    ReconciliationCursor,
    SymbolBlock,
    VenueDifference,
)
from .report import BridgeReport
from .risk import MaintenanceWindow, RiskLimit, RiskScope
from .signal import DedupKey, RefusedAttempt, Signal
from .source import AddressList, Source
from .strategy import Strategy
from .target import StrategyTarget
from .watch import Difference, ExpiryWarning, Silence, WatchRound
from .work import WorkItem

__all__ = [
    "AccountEquity",
    "AddressList",
    "AnalysisPlan",
    "AnalysisRun",
    "Approval",
    "Bar",
    "BridgeReport",
    "Decision",
    "DedupKey",
    "Difference",
    "EquityDay",
    "EquityPoint",
    "ExitPlan",
    "ExpiryWarning",
    "ExternalPosition",
    "ExternalTrade",
    "Fill",
    "Forecast",
    "MaintenanceWindow",
    "MarketDay",
    "Order",
    "OrderAnswer",
    "OrderStep",
    "PaperBalance",
    "PaperMove",
    "PaperOrder",
    "PaperPosition",
    "PaperTrade",
    "PnlDay",
    "Position",
    "Reconciliation",
    "ReconciliationCursor",
    "RefusedAttempt",
    "RiskLimit",
    "RiskScope",
    "RoundTrip",
    "Signal",
    "Silence",
    "Source",
    "StoredQuote",
    "Strategy",
    "StrategyTarget",
    "SymbolBlock",
    "VenueDifference",
    "WatchRound",
    "WorkItem",
]
