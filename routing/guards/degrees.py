"""Superlatives and comparatives of a text: the longest, más largo."""

from __future__ import annotations

from routing.guards.content import Word, alike, word_of
from routing.guards.remember import remembered
from routing.guards.text import Text

_SHORTEST = 6
_SPANISH = frozenset({"mas", "menos", "mayor", "menor"})
_NO_SUPERLATIVE = frozenset(
    {"interest", "request", "suggest", "invest", "contest", "protest", "digest", "honest", "forest"}
    | {"arrest", "modest", "harvest", "budapest", "almost", "latest", "newest", "nearest"}
    | {"closest", "easiest", "simplest", "quickest", "greatest", "everest", "conquest", "pinterest"}
)


def degrees_apart(asked: Text, stored: Text, *, spanish: bool) -> str:
    """What differs when both texts ask for the most of something, but not of the same."""
    mine, theirs = degrees_of(asked, spanish), degrees_of(stored, spanish)
    if not mine or not theirs:
        return ""
    if any(alike(a, b) for a in mine for b in theirs):
        return ""
    return f"{mine[0].folded} | {theirs[0].folded}"


@remembered
def degrees_of(text: Text, spanish: bool) -> tuple[Word, ...]:  # noqa: FBT001
    """The superlatives of an English text, what stands behind más or mayor in a Spanish one."""
    if not spanish:
        if not any(word.endswith("est") for word in text.words):
            return ()
        return tuple(
            word_of(token.folded, spanish=False)
            for token in text.tokens
            if token.folded.endswith("est")
            and len(token.folded) >= _SHORTEST
            and token.folded not in _NO_SUPERLATIVE
        )
    if _SPANISH.isdisjoint(text.words):
        return ()
    behind = [
        word_of(text.tokens[token.position + 1].folded, spanish=True)
        for token in text.tokens[:-1]
        if token.folded in _SPANISH
    ]
    return tuple(word for word in behind if not word.function and not word.soft)
