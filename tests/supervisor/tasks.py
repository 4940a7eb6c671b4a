"""What the clusters of the tests run."""

import signal
import time
from pathlib import Path


def note(path, text):
    with Path(path).open("a") as handle:
        handle.write(text + "\n")


def hang(path, text):
    note(path, text)
    time.sleep(60)


def hang_deaf(path, text):
    """Does not even take the alarm that tells of its end."""
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGALRM])
    hang(path, text)
