"""System checks: what would bite at run time is told at start."""

from __future__ import annotations

from typing import Any

from django.core.checks import CheckMessage, Error, register
from django.db import DatabaseError


@register("tradeops", deploy=False)
def key_ring_opens_stored_secrets(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """A canary: the sealed pepper must open with the present key ring."""
    from . import sealed
    from .errors import ConfigurationError
    from .models import SealedValue

    if not kwargs.get("databases"):
        return []
    try:
        for name in SealedValue.objects.values_list("name", flat=True):
            sealed.value(name)
    except ConfigurationError as error:
        return [Error(str(error), id="tradeops.E001")]
    except DatabaseError:
        return []  # not migrated yet
    return []
