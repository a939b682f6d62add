"""How much else two texts differ in, besides their numbers, dates and codes.

What one text says more than the other is a condition when it is all that they differ in, and may be
a circumstance when one is a retelling of the other in other words.
"""

from __future__ import annotations

from msgspec import Struct

from routing.guards.content import Content, content_of, language_of_pair
from routing.guards.data import read_table
from routing.guards.facts import facts_of
from routing.guards.questions import asks_of
from routing.guards.text import Text

_PERMISSION = frozenset(
    tuple(phrase.split())
    for language in ("en", "es")
    for phrase in read_table("question_types.toml")[language]["permission"].split(",")
)
_ADVICE = frozenset({"procedure", "manner", "neutral", "reason", "place"})


class Retelling(Struct, frozen=True, gc=False):
    """How many words of its own a text has (`added`), and how many of the other's it lacks."""

    added: int
    lost: int

    @property
    def differing(self) -> int:
        return self.added + self.lost


def retelling(text: Text, other: Text) -> Retelling:
    """What `text` says in other words than `other`, filler, numbers and dates apart."""
    language = language_of_pair(text, other)
    mine, theirs = content_of(text, language), content_of(other, language)
    return Retelling(_own(text, mine, theirs), _own(other, theirs, mine))


def seeks_advice(text: Text, other: Text) -> bool:
    """Whether one of the two asks how, where or why, rather than for one fact of many.

    Of the facts (who, when, how many) each detail of the question picks another.
    """
    language = language_of_pair(text, other)
    return any(ask.kind in _ADVICE for asker in (text, other) for ask in asks_of(asker, language))


def asks_permission(text: Text) -> bool:
    """Whether a sentence of `text` asks what is allowed ("can I"): then each amount decides."""
    for token in text.tokens:
        if token.opens:
            words = [item.folded for item in text.tokens[token.position : token.position + 2]]
            if tuple(words[:1]) in _PERMISSION or tuple(words) in _PERMISSION:
                return True
    return False


def _own(text: Text, content: Content, other: Content) -> int:
    claimed = facts_of(text).claimed
    return sum(
        term.token.position not in claimed and not other.has_like(term.word)
        for term in content.hard
    )
