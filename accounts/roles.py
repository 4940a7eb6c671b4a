"""What a person may do, by role (U5): each may what those before it may. What they see is for `selectors`."""

from __future__ import annotations

from .models import Operator

Role = Operator.Role
# A client reads its own, as a viewer reads what is assigned to them.
_RANK = {Role.CLIENT: 0, Role.VIEWER: 0, Role.OPERATOR: 1, Role.ADMIN: 2}


def of(person: Operator) -> Operator.Role:
    """A superuser is an admin whatever the field says."""
    return Role.ADMIN if person.is_superuser else Role(person.role)


def at_least(person: Operator, role: Operator.Role) -> bool:
    return _RANK[of(person)] >= _RANK[role]
