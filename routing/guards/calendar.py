"""Words of time and how they are written down for comparison; English and Spanish."""

from __future__ import annotations

from collections.abc import Mapping

from routing.guards.data import read_table
from routing.guards.figures import Value

_TABLE = read_table("dates.toml")


def _by_word(section: str) -> dict[str, str]:
    return {word: name for name, words in _TABLE[section].items() for word in words.split()}


MONTHS = _by_word("months")
UNITS = _by_word("units")
SHIFTS = _by_word("shifts")
SINGLE_WORDS: Mapping[str, str] = {
    word: name
    for section in ("weekdays", "days", "parts", "seasons", "holidays", "rates")
    for word, name in _by_word(section).items()
}
"""Weekdays, days, parts of the day, seasons, holidays and rates that one word tells."""

WEEKDAYS = frozenset(_TABLE["weekdays"])
PERIODS = WEEKDAYS | frozenset(_TABLE["seasons"]) | frozenset({"evening"})
"""What "next", "last" and "this" may stand before, besides months and the units of time."""

PHRASES: Mapping[tuple[str, ...], str] = {
    tuple(phrase.split()): name
    for name, phrases in _TABLE["holiday_phrases"].items()
    for phrase in phrases.split("|")
}
PHRASE_STARTS = frozenset(phrase[0] for phrase in PHRASES)

AMBIGUOUS = frozenset(
    {"may", "march", "mon", "spring", "fall", "jun", "jan", "mar", "dec", "epiphany"}
)
"""Words of time only where the neighbours or a capital say so."""

BEFORE_MONTH = frozenset(_TABLE["context"]["before_month"].split())
SPECIAL = frozenset(_TABLE["context"]["special"].split())
"""Words that only their neighbours make words of time or numbers."""

BETWEEN = frozenset({"business", "working", "calendar", "consecutive", "full", "whole", "more"})
"""Adjectives that may stand between a number and a unit of time."""

_SECONDS: dict[str, int] = _TABLE["seconds"]
_CALENDAR: dict[str, int] = _TABLE["calendar"]
_SHORT_UNITS = frozenset({"s", "h", "min", "mins", "hr", "hrs", "sec", "secs", "yo", "yr", "yrs"})


def is_glued_unit(suffix: str) -> bool:
    """Whether `suffix` may stand directly behind digits as a unit of time: 48h."""
    return suffix in _SHORT_UNITS


def duration(value: Value, unit: str) -> str:
    """A span of time, the same for what is trivially equal: 60 minutes and 1 hour."""
    if unit in _SECONDS:
        seconds = value * _SECONDS[unit]
        for name in ("day", "hour", "minute"):
            if seconds % _SECONDS[name] == 0:
                return f"{seconds // _SECONDS[name]} {name}"
        return f"{seconds} second"
    if unit in _CALENDAR:
        months = value * _CALENDAR[unit]
        return f"{months // 12} year" if months % 12 == 0 else f"{months} month"
    return f"{value} {unit}"


def clock_time(hour: int, minute: int, *, half: str) -> str:
    """A time of day; `half` is "am", "pm" or ""."""
    if half == "pm" and hour < 12:
        hour += 12
    elif half == "am" and hour == 12:
        hour = 0
    return f"{hour}:{minute:02}"


def calendar_day(written: str, *, language: str) -> tuple[str, ...]:
    """What a date in digits (2024-05-12, 12/5/2024) says: year, month and day.

    Two numbers that could each be the month stand as written, except in Spanish.
    """
    first, second, third = (
        int(part) for part in written.replace("/", "-").replace(".", "-").split("-")
    )
    if first > 31:
        year, month, day = first, second, third
    else:
        year, month, day = (third if third > 99 else 2000 + third), second, first
        if month > 12:
            month, day = day, month
        elif day <= 12 and language != "es":
            return (str(year), f"{first}/{second}")
    names = tuple(_TABLE["months"])
    name = names[month - 1] if 1 <= month <= 12 else str(month)
    return (str(year), name, f"day {day}")
