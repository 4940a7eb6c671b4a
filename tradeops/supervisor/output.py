"""One stream of lines from many processes, each with the name of its process before it."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import TextIO

_COLOURS = ("36", "32", "33", "35", "34", "96", "92", "93")
PORTAL = "portal"
_MAX_LINE = 64 * 1024


class Output:
    """Writes whole lines; safe to use from several threads. Colours only on a terminal."""

    def __init__(self, stream: TextIO, names: Sequence[str]) -> None:
        self._stream = stream
        self._lock = threading.Lock()
        width = max(len(name) for name in (*names, PORTAL))
        coloured = stream.isatty()
        self._prefixes = {}
        for index, name in enumerate((PORTAL, *names)):
            text = f"{name:<{width}} | "
            colour = "1" if name == PORTAL else _COLOURS[index % len(_COLOURS)]
            self._prefixes[name] = f"\x1b[{colour}m{text}\x1b[0m" if coloured else text

    def line(self, name: str, text: str) -> None:
        self._write(self._prefixes[name] + text)

    def plain(self, text: str) -> None:
        """Without a prefix: the lines that programs look for."""
        self._write(text)

    def _write(self, text: str) -> None:
        with self._lock:
            try:
                self._stream.write(text + "\n")
                self._stream.flush()
            except (OSError, ValueError):
                pass  # nobody reads any more (a closed pipe): the processes run on


class Lines:
    """Cuts a byte stream into lines of text; one that never ends is cut at 64 KiB."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> list[str]:
        *lines, self._rest = (self._rest + data).split(b"\n")
        if len(self._rest) > _MAX_LINE:
            lines.append(self._rest)
            self._rest = b""
        return [_text(line) for line in lines]

    def end(self) -> list[str]:
        """What came after the last newline."""
        rest, self._rest = self._rest, b""
        return [_text(rest)] if rest else []


def _text(line: bytes) -> str:
    return line.decode("utf-8", "replace").rstrip("\r")
