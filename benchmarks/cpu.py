"""Processor time and memory of running programs, from /proc; nothing where there is none (not Linux)."""

from __future__ import annotations

import os
from pathlib import Path


def seconds(pid: int) -> float:
    """Of the process and everything below it, the ended children it has waited for included."""
    ticks = os.sysconf("SC_CLK_TCK")
    return sum(_ticks(one) for one in tree(pid)) / ticks


def tree(pid: int) -> list[int]:
    """The process and its descendants."""
    found = [pid]
    for listing in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            for child in listing.read_text().split():
                found += tree(int(child))
        except (FileNotFoundError, ProcessLookupError):
            continue
    return found


def _ticks(pid: int) -> int:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return sum(int(field) for field in fields[11:15])  # utime, stime, cutime, cstime


def resident(pid: int) -> dict[int, int]:
    """Bytes of memory in use by the process and by each below it."""
    found = {}
    for one in tree(pid):
        try:
            found[one] = int(Path(f"/proc/{one}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
        except (FileNotFoundError, ProcessLookupError):
            continue
    return found
