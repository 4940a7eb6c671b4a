"""The venues' rate limits, shared by all processes and hosts (X5): a limit waits, it does not fail."""

from .shared import Shared, Unlimited
from .table import limits_of

__all__ = ["Shared", "Unlimited", "limits_of"]
