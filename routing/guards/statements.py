"""Whether two answers state the same facts, as far as numbers, names and denials go.

The guards are made for questions, which may leave a detail out. An answer that does states
something else, so here nothing may stand in one of the two alone.
"""

from __future__ import annotations

import re

from routing.guards.comparison import Comparison
from routing.guards.entities import names_missing
from routing.guards.facts import facts_of
from routing.guards.identifiers import identifiers
from routing.guards.language import language
from routing.guards.length import length
from routing.guards.negation import denials_of
from routing.guards.numbers import numbers
from routing.guards.opposites import opposites
from routing.guards.text import Text, read_text

_NUMBERING = re.compile(r"(?:^|(?<=[.:;!?]\s))\s*(\d{1,2})[.)]\s+", re.MULTILINE)


def statements_differ(one: str, other: str) -> str:
    """What stands in one of the two answers alone, "" when they state the same.

    Both are read up to READ_LIMIT characters; longer ones are the same only when they are equal.
    """
    asked, stored = read_text(_without_numbering(one)), read_text(_without_numbering(other))
    comparison = Comparison(asked=asked, stored=stored)
    return (
        language(comparison)
        or length(comparison)
        or numbers(comparison)
        or _facts_differ(asked, stored)
        or identifiers(comparison)
        or opposites(comparison)
        or _denials_differ(asked, stored)
        or names_missing(asked, stored)
        or names_missing(stored, asked)
    )


def _facts_differ(one: Text, other: Text) -> str:
    mine, theirs = _said(one), _said(other)
    return _shown(mine ^ theirs)


def _said(text: Text) -> frozenset[str]:
    facts = facts_of(text)
    values = {str(item.value) for item in facts.quantities}
    dates = {item.strip("()") for item in facts.dates}
    return frozenset(values | dates | facts.identifiers)


def _without_numbering(text: str) -> str:
    """`text` without the 1, 2, 3 of its list, where they count up from one."""
    marks = [int(mark[1]) for mark in _NUMBERING.finditer(text)]
    if not marks or marks != list(range(1, len(marks) + 1)):
        return text
    return _NUMBERING.sub("", text)


def _denials_differ(one: Text, other: Text) -> str:
    mine, theirs = denials_of(one), denials_of(other)
    return "" if mine == theirs else f"{mine} denials | {theirs}"


def _shown(items: frozenset[str]) -> str:
    return ", ".join(sorted(items))
