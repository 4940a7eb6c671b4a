"""The machine room's pages, and in `base` the two kinds of page that every app's admin is made of."""

from . import machine  # noqa: F401  (registers)
