"""The guards' form of a tenant's own words, built once for each snapshot."""

from __future__ import annotations

from collections.abc import Iterable

from routing.guards.comparison import Lexicon
from routing.guards.text import read_text
from routing.normalize import normalize_question
from routing.snapshot import LexiconConfig, NeverMerge


def lexicon_of(config: LexiconConfig, *, never_merge: Iterable[NeverMerge] = ()) -> Lexicon:
    """`config` folded as the guards fold texts."""
    opposites = {(_folded(a), _folded(b)) for a, b in config.opposites}
    pairs = {
        (normalize_question(pair.a, language), normalize_question(pair.b, language))
        for pair in never_merge
        for language in ("en", "es")
    }
    return Lexicon(
        opposites=frozenset(opposites | {(b, a) for a, b in opposites}),
        alike=tuple(frozenset(map(_folded, group)) for group in config.alike),
        apart=tuple(frozenset(map(_folded, group)) for group in config.apart),
        never_merge=frozenset(pairs | {(b, a) for a, b in pairs}),
    )


def _folded(words: str) -> str:
    return " ".join(token.folded for token in read_text(words).tokens)
