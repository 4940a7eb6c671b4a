"""What intake is compared with: the least that a Django project can do to acknowledge a message durably.

A plain view behind the middleware of `startproject`, one INSERT, no authentication, no check of anything.
"""
