from . import accounts, firewall, people  # noqa: F401  (register)
