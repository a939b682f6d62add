"""Veto when the two texts ask for different kinds of thing: a person and a date, a place and a sum.

Only kinds that no one answer can serve are kept apart. "How can I", "is there a way to" and "I want
to" ask for the same thing; so may "what" and nearly anything, unless its noun says otherwise.
"""

from __future__ import annotations

from collections.abc import Collection

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
_ENDINGS = ("", "s", "es", "'s")
_RELATIONS = {
    language: {
        word + ending: word
        for word in read_table("question_types.toml")[language]["relations"].split()
        for ending in _ENDINGS
    }
    for language in ("en", "es")
}
_OF_A_NOUN = frozenset({"thing", "person", "place"})
"""Kinds of which the noun tells what is asked for: which team, which player."""


def question_type(comparison: Comparison) -> str:
    """The two kinds of question when none of one side's goes with any of the other's."""
    asked, stored = comparison.asked, comparison.stored
    language = language_of_pair(asked, stored)
    mine, theirs = asks_of(asked, language), asks_of(stored, language)
    if not mine or not theirs:
        return ""
    if detail := _relations_apart(mine, theirs, asked=asked, stored=stored, language=language):
        return detail
    for a in mine:
        for b in theirs:
            if not _apart(a, b, asked=asked, stored=stored, language=language):
                return ""
    return f"{_shown(mine)} | {_shown(theirs)}"


def _relations_apart(
    mine: Collection[Ask], theirs: Collection[Ask], *, asked: Text, stored: Text, language: str
) -> str:
    """Who is X, who is the wife of X: a relation to someone that only one side asks for."""
    relations = _RELATIONS["es" if language == "es" else "en"]
    own = {relations[word] for word in asked.words & relations.keys()}
    other = {relations[word] for word in stored.words & relations.keys()}
    if bool(own) == bool(other):
        return ""
    for asks in (mine, theirs):
        if not any(ask.kind == "person" for ask in asks):
            return ""
    return f"{'/'.join(sorted(own)) or '-'} | {'/'.join(sorted(other)) or '-'}"


def _apart(a: Ask, b: Ask, *, asked: Text, stored: Text, language: str) -> bool:
    spanish = language == "es"
    mine, theirs = word_of(a.noun, spanish=spanish), word_of(b.noun, spanish=spanish)
    if (a.kind, b.kind) not in _APART:
        if not _nouns_tell(a, b) or mine.function or mine.soft or theirs.function or theirs.soft:
            return False
        return not (
            alike(mine, theirs)
            or theirs.stem in content_of(asked, language).stems
            or mine.stem in content_of(stored, language).stems
        )
    if "thing" not in (a.kind, b.kind):
        return True
    if a.by_noun or b.by_noun:
        return a.direct and b.direct and not alike(mine, theirs)
    thing, other = (a, b) if a.kind == "thing" else (b, a)
    if other.kind == "place" and other.direct and thing.of:
        return True
    noun, text = (mine, stored) if thing is a else (theirs, asked)
    return _thing_apart(other, noun=noun.stem, stems=content_of(text, language).stems)


def _nouns_tell(a: Ask, b: Ask) -> bool:
    if not (a.noun and b.noun) or not ((a.direct and b.direct) or (a.of and b.of)):
        return False
    if a.kind == b.kind == "count":
        return not a.by_noun and not b.by_noun
    return a.kind in _OF_A_NOUN and b.kind in _OF_A_NOUN


def _thing_apart(other: Ask, *, noun: str, stems: frozenset[str]) -> bool:
    """Whether a "what" with its `noun` is apart from `other`, whose text has these `stems`.

    "Which player" and "who" go together when both texts speak of a player.
    """
    if other.kind == "place" and not other.direct:
        return False
    return other.kind not in ("place", "person") or noun not in stems


def _shown(asks: tuple[Ask, ...]) -> str:
    return "/".join([f"{ask.kind} {ask.noun}".rstrip() for ask in asks])
