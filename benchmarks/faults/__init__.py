"""Proofs at scale, with real processes: nothing lost, nothing doubled, nobody shut out.

`python -m benchmarks.faults` (or `make faults`) runs them at full size and prints what was seen; the suite runs the
same in small (tests/faults).
"""
