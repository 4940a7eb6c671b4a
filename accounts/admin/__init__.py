from . import accounts, firewall, groups, people, telegram, venue_settings  # noqa: F401  (register)
