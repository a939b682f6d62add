"""Lengths of time in units that people read."""

from __future__ import annotations

UNITS = {"s": 1, "min": 60, "h": 3600, "d": 86400}


def largest_unit(seconds: int) -> str:
    """The largest unit that `seconds` is a whole number of; ``s`` for 0."""
    if seconds == 0:
        return "s"
    return next(unit for unit in reversed(UNITS) if seconds % UNITS[unit] == 0)


def spoken_span(seconds: int) -> str:
    """`seconds` in its two largest units: ``1 h 30 min``, ``45 s``."""
    parts = []
    rest = seconds
    for unit in reversed(UNITS):
        count, rest = divmod(rest, UNITS[unit])
        if count:
            parts.append(f"{count} {unit}")
    return " ".join(parts[:2]) or "0 s"
