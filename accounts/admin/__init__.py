from . import accounts, people  # noqa: F401  (register)
