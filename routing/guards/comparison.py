"""What a guard is given: the question asked, the one stored, and the tenant's own words."""

from __future__ import annotations

from collections.abc import Callable

from msgspec import Struct

from routing.guards.text import Text


class Lexicon(Struct, frozen=True):
    """A tenant's words, folded.

    `opposites` holds each pair both ways. Words of one group in `alike` mean the same, words of one
    group in `apart` (plan names, products) are never interchangeable. `never_merge` holds pairs of
    normalised questions both ways.
    """

    opposites: frozenset[tuple[str, str]] = frozenset()
    alike: tuple[frozenset[str], ...] = ()
    apart: tuple[frozenset[str], ...] = ()
    never_merge: frozenset[tuple[str, str]] = frozenset()


class Comparison(Struct, frozen=True):
    """A question asked and a stored one that is near it.

    `answer_language`: ISO code of the language of the stored answer, "" when unknown.
    """

    asked: Text
    stored: Text
    answer_language: str = ""
    lexicon: Lexicon = Lexicon()


Guard = Callable[[Comparison], str]
"""Returns "" without objection, else a short detail of what differs ("48 hours | -")."""
