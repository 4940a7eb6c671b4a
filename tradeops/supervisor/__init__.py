"""What keeps the portal's processes alive: the tree of `manage.py portal`, the fail-fast cluster, the dispatcher."""
