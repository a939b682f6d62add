"""The supervisor's event listener that prints every process's lines under its name.

The supervisor speaks to it over stdin and stdout; what people read goes to stderr.
"""

from __future__ import annotations

import sys
from typing import TextIO

# What is announced is meant to be copied, so it is printed as it is.
_UNPREFIXED = "announce"


class LineJoiner:
    """Puts the pieces in which output arrives together to whole lines."""

    def __init__(self) -> None:
        self._partial: dict[str, str] = {}

    def lines(self, process: str, text: str) -> list[str]:
        """The lines that `text` completes, each under the name of `process`."""
        *whole, rest = (self._partial.get(process, "") + text).split("\n")
        self._partial[process] = rest
        prefix = "" if process == _UNPREFIXED else f"{process:<8} | "
        return [prefix + line for line in whole]


def parse_fields(line: str) -> dict[str, str]:
    """The ``name:value`` words of a supervisor header."""
    return dict(word.split(":", 1) for word in line.split())


def listen(source: TextIO, replies: TextIO, output: TextIO) -> None:
    """Print until the supervisor closes `source`."""
    joiner = LineJoiner()
    while True:
        replies.write("READY\n")
        replies.flush()
        header = source.readline()
        if not header:
            return
        event = source.read(int(parse_fields(header)["len"]))
        described, _, text = event.partition("\n")
        process = parse_fields(described)["processname"]
        for line in joiner.lines(process, text):
            output.write(line + "\n")
        output.flush()
        replies.write("RESULT 2\nOK")
        replies.flush()


if __name__ == "__main__":
    listen(sys.stdin, sys.stdout, sys.stderr)
