"""Vetoes when dates, times, durations or other words of time differ."""

from __future__ import annotations

import re

from routing.guards.comparison import Comparison
from routing.guards.data import read_table
from routing.guards.facts import facts_of, stand_beside
from routing.guards.questions import asks_of
from routing.guards.retelling import asks_permission, retelling
from routing.guards.text import Text, is_told_anew

_TABLE = read_table("dates.toml")["context"]
_PRESENT = frozenset({"today", "this day", "this year", "this month", "this week", "every day"})
_RATES = {"every day": "1 day", "every week": "7 day", "every month": "1 month"}
_RATES |= {span: rate for rate, span in _RATES.items()}
"""How often and for how long, which "in a week" leaves open."""

_DEADLINES = frozenset({*_TABLE["deadline"].split()})
_SPAN = re.compile(r"(?:next |last )?[\d/]+ ")
_AGES = frozenset({*_TABLE["age"].split()})
_FUTURE = frozenset({*_TABLE["future"].split()})
_WORDS_BESIDE_DATE = 3
_WORDS_BESIDE_SPAN = 7
_OTHER_WORDS_BESIDE_DATE = 2
_OTHER_WORDS_BESIDE_AGE = 3
_BOUND_TO_A_DAY = frozenset({"time", "person", "count", "duration", "frequency", "age"})
"""Kinds of question of which each year has another answer: who won, when was it, what it costs."""

_BOUND_TO_A_SPAN = frozenset({"count", "duration", "frequency", "age", "time", "truth"})
"""Kinds of question of which a span may be the point: what it costs, whether it is allowed."""


def dates(comparison: Comparison) -> str:
    """What differs in time ("2 day | -"), "" when nothing does."""
    asked, stored = facts_of(comparison.asked).dates, facts_of(comparison.stored).dates
    if asked == stored:
        return ""
    only_asked = _objections(asked - stored, stored, comparison.stored)
    only_stored = _objections(stored - asked, asked, comparison.asked)
    if not only_stored and _is_circumstance(only_asked, comparison.asked, comparison.stored):
        return ""
    if not only_asked and _is_circumstance(only_stored, comparison.stored, comparison.asked):
        return ""
    if not only_asked and not only_stored:
        return ""
    return f"{_shown(only_asked)} | {_shown(only_stored)}"


def _objections(items: frozenset[str], across: frozenset[str], text: Text) -> list[str]:
    """What of `items` speaks against a text that says `across` instead.

    Questions are about the present unless they say otherwise, so "today" may be left out; so may a
    year in brackets, and "New Year" beside the year. A year or a span here may be a mere number
    there.
    """
    if not items:
        return []
    said = {item.strip("()") for item in across}
    aside = not any(map(str.isdigit, said))
    objections = {item.strip("()") for item in items if not (aside and item[0] == "(")} - said
    if not across - items:
        objections -= _PRESENT
    if "new year" in across:
        objections = {item for item in objections if not item.isdigit()}
    objections -= {_RATES[item] for item in across if item in _RATES}
    if not aside:
        objections -= {"new year", "next year"}
    amounts = {str(item.value) for item in facts_of(text).quantities if item.is_bare}
    return [item for item in objections if item.partition(" ")[0] not in amounts]


def _is_circumstance(items: list[str], text: Text, other: Text) -> bool:
    """Whether `items` may be but a detail in a text that says it all in other words.

    A deadline ("after 48 hours") never is. A span of time ("5 nights") is one only of how or where
    to do something: what it costs, and whether it is allowed, depends on it.
    """
    if not items or stand_beside(_DEADLINES, text):
        return False
    kinds = {ask.kind for asker in (text, other) for ask in asks_of(asker, asker.language)}
    differing = retelling(text, other).differing
    if any(_SPAN.match(item) for item in items):
        if not kinds.isdisjoint(_BOUND_TO_A_SPAN) or asks_permission(text):
            return False
        if stand_beside(_AGES, text):
            return differing >= _OTHER_WORDS_BESIDE_AGE
        anew = is_told_anew(text, other, words=_WORDS_BESIDE_SPAN)
        return anew or (differing > 0 and bool(kinds) and "thing" not in kinds)
    years = all(map(str.isdigit, items))
    if years and not kinds.isdisjoint(_BOUND_TO_A_DAY) and text.words.isdisjoint(_FUTURE):
        return False
    anew = is_told_anew(text, other, words=_WORDS_BESIDE_DATE)
    return anew or differing >= (1 if years else _OTHER_WORDS_BESIDE_DATE)


def _shown(items: list[str]) -> str:
    return ", ".join(sorted(items)) or "-"
