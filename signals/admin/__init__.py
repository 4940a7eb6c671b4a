from . import ledgers, reports, request_log, risk, signals, sources, strategies, watch  # noqa: F401  (register)
