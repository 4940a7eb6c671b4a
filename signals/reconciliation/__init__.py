"""Comparing accounts with their venues: orders, trades, positions (P1, X7). Nothing is mended silently."""
