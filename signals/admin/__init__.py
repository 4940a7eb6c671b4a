from . import ledgers, risk, signals, sources, strategies  # noqa: F401  (register)
