"""Watching real processes from a test."""

import time
from pathlib import Path


def wait_until(condition, *, seconds=15.0, what="the condition"):
    """Returns the condition's first true value. Fails the test when that takes longer than `seconds`."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if value := condition():
            return value
        time.sleep(0.02)
    raise AssertionError(f"{what} did not come true within {seconds} s")


def alive(pid):
    """False for a process that has ended, waited for or not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


def command_line(pid):
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode().strip()
    except (FileNotFoundError, ProcessLookupError):
        return ""


def children(pid):
    """The pids of the direct children, of every thread."""
    found = []
    for listing in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            found += [int(child) for child in listing.read_text().split()]
        except (FileNotFoundError, ProcessLookupError):
            continue
    return found


def descendants(pid):
    """Every process below `pid`, parents before children."""
    found = []
    for child in children(pid):
        found += [child, *descendants(child)]
    return found
