"""Veto when the two texts ask for different kinds of thing: a person and a date, a place and a sum.

Only kinds that no one answer can serve are kept apart. "How can I", "is there a way to" and "I want
to" ask for the same thing; so may "what" and nearly anything, unless its noun says otherwise.
"""

from __future__ import annotations

from routing.guards.comparison import Comparison
from routing.guards.content import alike, content_of, language_of_pair, word_of
from routing.guards.data import read_table
from routing.guards.questions import Ask, asks_of
from routing.guards.text import Text

_APART = frozenset(
    pair
    for line in read_table("question_types.toml")["apart"].split("\n")
    if line.strip()
    for kind, others in [line.split(":")]
    for other in others.split()
    for pair in ((kind.strip(), other), (other, kind.strip()))
)
_OF_A_NOUN = frozenset({"thing", "person", "place"})
"""Kinds of which the noun tells what is asked for: which team, which player."""


def question_type(comparison: Comparison) -> str:
    """The two kinds of question when none of one side's goes with any of the other's."""
    asked, stored = comparison.asked, comparison.stored
    language = language_of_pair(asked, stored)
    mine, theirs = asks_of(asked, language), asks_of(stored, language)
    if not mine or not theirs or mine == theirs:
        return ""
    for a in mine:
        for b in theirs:
            if not _apart(a, b, asked=asked, stored=stored, language=language):
                return ""
    return f"{_shown(mine)} | {_shown(theirs)}"


def _apart(a: Ask, b: Ask, *, asked: Text, stored: Text, language: str) -> bool:
    if (a.kind, b.kind) not in _APART:
        return _nouns_compare(a, b) and _other_noun(
            a, b, asked=asked, stored=stored, language=language
        )
    if "thing" not in (a.kind, b.kind):
        return True
    thing, other, text = (a, b, stored) if a.kind == "thing" else (b, a, asked)
    if other.by_noun:
        return a.direct and b.direct
    if other.kind == "place":
        if not other.direct:
            return False
    elif other.kind != "person":
        return True
    noun = word_of(thing.noun, spanish=language == "es").stem
    return noun not in content_of(text, language).stems


def _nouns_compare(a: Ask, b: Ask) -> bool:
    if not (a.direct and b.direct and a.noun and b.noun):
        return False
    if a.kind == b.kind == "count":
        return not a.by_noun and not b.by_noun
    return a.kind in _OF_A_NOUN and b.kind in _OF_A_NOUN


def _other_noun(a: Ask, b: Ask, *, asked: Text, stored: Text, language: str) -> bool:
    """Whether the nouns differ and neither text has the other's."""
    spanish = language == "es"
    mine, theirs = word_of(a.noun, spanish=spanish), word_of(b.noun, spanish=spanish)
    if mine.function or mine.soft or theirs.function or theirs.soft or alike(mine, theirs):
        return False
    return (
        theirs.stem not in content_of(asked, language).stems
        and mine.stem not in content_of(stored, language).stems
    )


def _shown(asks: tuple[Ask, ...]) -> str:
    return "/".join([f"{ask.kind} {ask.noun}".rstrip() for ask in asks])
