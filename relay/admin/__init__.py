from . import alarms, channels, configuration, dead_letters, endpoints, groups, ledgers  # noqa: F401  (register)
