"""Measures the portal against a committed baseline, with real processes on loopback: `python -m benchmarks --help`."""
