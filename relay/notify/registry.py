"""From a channel's kind to its notifier, by the dotted paths in settings.NOTIFIERS."""

from __future__ import annotations

from django.conf import settings
from django.utils.module_loading import import_string

from tradeops.core.errors import ConfigurationError

from .base import Notifier


def kinds() -> list[str]:
    return sorted(settings.NOTIFIERS)


def notifier_for(kind: str) -> Notifier:
    """A new notifier; close it after use. Raises ConfigurationError for an unknown kind."""
    try:
        path = settings.NOTIFIERS[kind]
    except KeyError:
        raise ConfigurationError(f"there is no notifier {kind!r}; this installation has {', '.join(kinds())}") from None
    notifier: Notifier = import_string(path)()
    return notifier
