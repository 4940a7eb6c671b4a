"""OKX v5, by hand on `requests`: exact control of ids, expiry and every item's own code (LIBRARIES, DESIGN §6)."""

from .broker import OkxBroker

__all__ = ["OkxBroker"]
