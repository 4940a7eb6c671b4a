#!/usr/bin/env python
"""The command line: `manage.py help` lists what there is."""

import os
import sys


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tradeops.settings")
    from tradeops.core.errors import ConfigurationError

    try:
        from django.core.management import execute_from_command_line

        execute_from_command_line(sys.argv)
    except ConfigurationError as error:
        sys.exit(f"TradeOps cannot start: {error}")


if __name__ == "__main__":
    main()
