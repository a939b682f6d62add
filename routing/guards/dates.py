"""Vetoes when dates, times, durations or other words of time differ."""

from __future__ import annotations

from routing.guards.comparison import Comparison
from routing.guards.facts import facts_of


def dates(comparison: Comparison) -> str:
    """What differs in time ("2 day | -"), "" when nothing does."""
    asked, stored = facts_of(comparison.asked).dates, facts_of(comparison.stored).dates
    if asked == stored:
        return ""
    only_asked, only_stored = asked - stored, stored - asked
    return f"{_shown(only_asked)} | {_shown(only_stored)}"


def _shown(items: frozenset[str]) -> str:
    return ", ".join(sorted(items)) or "-"
