from . import configuration, ledgers  # noqa: F401  (register)
