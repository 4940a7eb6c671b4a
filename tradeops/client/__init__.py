"""A client of the portal's API for other programs (E10). It needs `requests` and nothing of the portal: the folder may
be copied into another program as it is.

    from tradeops.client import Client

    with Client("https://trade.example.com", username="ann", password=…) as portal:
        for event in portal.events(after=last_id):
            last_id = remember(event.id)

Money and quantities are Decimal, times are aware datetimes in UTC, ratios and confidences are float. What goes wrong
is a ClientError; see `tradeops.client.errors`.
"""

from .errors import (
    BadAnswer,
    Busy,
    ClientError,
    Closed,
    EventsGone,
    FillsGone,
    Forbidden,
    NotFound,
    NotPaper,
    RateLimited,
    Refused,
    ServerFailed,
    Unauthorised,
    Unreachable,
)
from .paper import Changes, Difference, PaperAccount
from .portal import Client
from .shapes import Account, Balance, Event, Fill, Order, Position, Run, VenuePosition
from .shapes_of_analysis import Alert, Analysis, Metrics, Prediction, Sentiment, TradingSignal

__all__ = [
    "Account", "Alert", "Analysis", "BadAnswer", "Balance", "Busy", "Changes", "Client", "ClientError", "Closed",
    "Difference", "Event", "EventsGone", "Fill", "FillsGone", "Forbidden", "Metrics", "NotFound", "NotPaper",
    "Order", "PaperAccount", "Position", "Prediction", "RateLimited", "Refused", "Run", "Sentiment", "ServerFailed",
    "TradingSignal", "Unauthorised", "Unreachable", "VenuePosition",
]  # fmt: skip
