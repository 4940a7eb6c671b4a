"""The firewall (E6): who may talk to the portal at all, asked before anything that costs.

`check` stands before every request, `charge` behind every failed authentication; rules are edited by `services`.
"""

from .bans import charge
from .verdict import check

__all__ = ["charge", "check"]
