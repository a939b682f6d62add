"""Vetoes when names differ: people, places, products, acronyms, and what stands in quotes.

A name is what is capitalised inside a sentence. It is present on the other side in any case and
spelling that a reader would accept: possessive, plural, without accents, as nationality, by its
initials, or as part of a longer name.
"""

from __future__ import annotations

from msgspec import Struct

from routing.guards.comparison import Comparison
from routing.guards.names import (
    QUALIFIERS,
    is_abbreviated,
    is_country,
    is_located,
    is_present,
    names_of,
    quotes_of,
)
from routing.guards.retelling import retelling
from routing.guards.text import Text

_SPARE_WORDS = 1
"""Words besides a name that its addition may bring, or replace: "in India", "our"."""


class _Missing(Struct, frozen=True):
    """Words of one name that a text lacks; `whole`: it has no other word of the name either."""

    words: tuple[str, ...]
    whole: bool


def entities(comparison: Comparison) -> str:
    """Which names differ ("brad | tom"), "" when none does.

    A name that only one text has speaks against the other when it is all that the texts differ in,
    or makes another thing of the same name (Pro, West); else it may be a circumstance that a
    paraphrase leaves out.
    """
    asked, stored = comparison.asked, comparison.stored
    only_asked = _missing(asked, stored)
    only_stored = _missing(stored, asked)
    only_asked, only_stored = _without_longer_forms(only_asked, only_stored)
    if only_asked and only_stored and not _beside_each_other(only_asked, only_stored, comparison):
        return f"{_shown(only_asked)} | {_shown(only_stored)}"
    if only_asked and _restricts(only_asked, asked, stored):
        return f"{_shown(only_asked)} | -"
    if only_stored and _restricts(only_stored, stored, asked):
        return f"- | {_shown(only_stored)}"
    return _quotes_differ(asked, stored)


def names_missing(own: Text, text: Text) -> str:
    """The names of `own` of which `text` lacks any part, "" when it has them all."""
    missing = _missing(own, text)
    return _shown(missing) if missing else ""


def _without_longer_forms(
    asked: list[_Missing], stored: list[_Missing]
) -> tuple[list[_Missing], list[_Missing]]:
    """Drop the rest of a name ("Donald" of Donald Trump) that stands against another whole name."""
    if not asked or not stored:
        return asked, stored
    if not any(item.whole for item in asked) and all(item.whole for item in stored):
        return [], stored
    if not any(item.whole for item in stored) and all(item.whole for item in asked):
        return asked, []
    return asked, stored


def _beside_each_other(
    only_asked: list[_Missing], only_stored: list[_Missing], comparison: Comparison
) -> bool:
    """Whether a country here and someone there may both be details of one question told anew."""
    asked, stored = comparison.asked, comparison.stored
    if not (
        (_is_country(only_asked) and _is_elsewhere(only_stored, stored))
        or (_is_country(only_stored) and _is_elsewhere(only_asked, asked))
    ):
        return False
    named = sum(len(item.words) for item in (*only_asked, *only_stored))
    return retelling(asked, stored).differing > named


def _is_country(missing: list[_Missing]) -> bool:
    return all(is_country(item.words) for item in missing)


def _is_elsewhere(missing: list[_Missing], text: Text) -> bool:
    """Whether none of the names is a country, nor stands where a place does."""
    return not any(is_country(item.words) or is_located(item.words, text) for item in missing)


def _missing(own: Text, text: Text) -> list[_Missing]:
    """What of the names in `own` the `text` lacks."""
    found: list[_Missing] = []
    for name in names_of(own):
        words = tuple(word for word in name.words if not is_present(word, text))
        if words and not is_present("".join(words), text) and not is_abbreviated(words, own, text):
            found.append(_Missing(words, whole=len(words) == len(name.words)))
    return found


def _restricts(missing: list[_Missing], text: Text, other: Text) -> bool:
    """Whether what `other` is missing narrows what `text` asks."""
    words = {word for item in missing for word in item.words}
    if not all(item.whole for item in missing):
        return not QUALIFIERS.isdisjoint(words)
    added, lost = len(text.words - other.words), len(other.words - text.words)
    return added <= len(words) + _SPARE_WORDS and lost <= _SPARE_WORDS


def _quotes_differ(asked: Text, stored: Text) -> str:
    only_asked = [quote for quote in quotes_of(asked) if _is_foreign(quote, stored)]
    only_stored = [quote for quote in quotes_of(stored) if _is_foreign(quote, asked)]
    if only_asked and only_stored:
        return f"{_quoted(only_asked)} | {_quoted(only_stored)}"
    return ""


def _is_foreign(quote: frozenset[str], text: Text) -> bool:
    """Whether `text` lacks more than half of the words that are quoted."""
    return 2 * len(quote - text.words) > len(quote)


def _quoted(quotes: list[frozenset[str]]) -> str:
    return ", ".join([" ".join(sorted(quote)) for quote in quotes])


def _shown(items: list[_Missing]) -> str:
    return ", ".join([" ".join(item.words) for item in items]) or "-"
