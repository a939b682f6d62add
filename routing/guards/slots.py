"""Veto when the texts are the same but for the word that fills a slot: pro account, gold account.

The words of the two texts are paired off; what is left over on both sides in the same place are the
fillings of one slot. Filler, inflections, near spellings and synonyms are no difference.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from msgspec import Struct

from routing.guards.comparison import Comparison
from routing.guards.content import (
    Content,
    Term,
    content_of,
    holds,
    language_of_pair,
    word_of,
)
from routing.guards.questions import asks_of
from routing.guards.text import Text

_MAX_LEFT = 3
_MAX_NEW = 12
"""Texts with more words of their own are not the same but for a slot; comparing them takes long."""
_MIN_SHARED = 2
_TERSE = 8


def slots(comparison: Comparison) -> str:
    """The words that fill one slot differently ("pro | gold"), or the one word too many."""
    asked, stored = comparison.asked, comparison.stored
    language = language_of_pair(asked, stored)
    spanish = language == "es"
    if detail := _apart(comparison, spanish=spanish):
        return detail
    same = _same_for_tenant(comparison, spanish=spanish)
    mine, theirs = content_of(asked, language), content_of(stored, language)
    if max(len(mine.hard_stems - theirs.stems), len(theirs.hard_stems - mine.stems)) > _MAX_NEW:
        return ""
    left, right = _left(mine, theirs, same=same), _left(theirs, mine, same=same)
    if not (left or right) or len(left) > _MAX_LEFT or len(right) > _MAX_LEFT:
        return ""
    pair = _Pair(asked, left, stored, right, spanish=spanish)
    terse = not asks_of(asked, language) and not asks_of(stored, language)
    if left and right:
        framed = _alike_framed(mine, theirs, pair, terse=terse)
        differs = framed and _same_place(pair, terse=terse)
    else:
        differs = terse and _only_inserted(pair)
    return f"{_written(left)} | {_written(right)}" if differs else ""


def _alike_framed(mine: Content, theirs: Content, pair: _Pair, *, terse: bool) -> bool:
    """Whether the rest of the two texts is so much the same that the words left over matter.

    Of a terse text one other word does; of a sentence more, the fewer, the more literally.
    """
    shared = len(mine.hard_stems & theirs.hard_stems)
    if terse:
        return shared >= 1
    if shared < _MIN_SHARED or mine.stems - mine.hard_stems != theirs.stems - theirs.hard_stems:
        return False
    return shared > _MIN_SHARED or len(pair.asked.tokens) - len(pair.left) == len(
        pair.stored.tokens
    ) - len(pair.right)


class _Pair(Struct, frozen=True):
    """Two texts and what is left over of each."""

    asked: Text
    left: tuple[Term, ...]
    stored: Text
    right: tuple[Term, ...]
    spanish: bool


def _apart(comparison: Comparison, *, spanish: bool) -> str:
    """The members of a tenant's group that only one side holds, when both hold some."""
    for group in comparison.lexicon.apart:
        mine = {word for word in group if holds(comparison.asked, word, spanish=spanish)}
        theirs = {word for word in group if holds(comparison.stored, word, spanish=spanish)}
        if mine and theirs and mine != theirs:
            return f"{_joined(mine - theirs)} | {_joined(theirs - mine)}"
    return ""


def _same_for_tenant(comparison: Comparison, *, spanish: bool) -> frozenset[str]:
    """The stems of words that the tenant calls alike and of which both texts hold one."""
    stems: set[str] = set()
    for group in comparison.lexicon.alike:
        mine = [word for word in group if holds(comparison.asked, word, spanish=spanish)]
        theirs = [word for word in group if holds(comparison.stored, word, spanish=spanish)]
        if mine and theirs:
            words = " ".join([*mine, *theirs]).split()
            stems.update(word_of(word, spanish=spanish).stem for word in words)
    return frozenset(stems)


def _joined(words: Iterable[str]) -> str:
    return "/".join(sorted(words)) or "-"


def _left(own: Content, other: Content, *, same: frozenset[str]) -> tuple[Term, ...]:
    """The hard words of `own` that have no counterpart in `other`; numbers are another guard's."""
    return tuple(
        term
        for term in own.hard
        if not other.has_like(term.word)
        and not term.word.folded[0].isdigit()
        and term.word.stem not in same
    )


def _same_place(pair: _Pair, *, terse: bool) -> bool:
    """Whether what is left over stands in one span on each side, between the same words.

    In a sentence only single words and names count; expressions of several words may mean the same.
    """
    left, right = pair.left, pair.right
    if not terse and (len(left) > 1 or len(right) > 1) and not _named((*left, *right)):
        return False
    if not _one_span(left) or not _one_span(right):
        return False
    before = _stem_at(pair.asked, left[0].token.position - 1, spanish=pair.spanish)
    if before != _stem_at(pair.stored, right[0].token.position - 1, spanish=pair.spanish):
        return False
    after = _stem_at(pair.asked, left[-1].token.position + 1, spanish=pair.spanish)
    return after == _stem_at(pair.stored, right[-1].token.position + 1, spanish=pair.spanish)


def _named(terms: Sequence[Term]) -> bool:
    return all(term.token.capitalised and not term.token.opens for term in terms)


def _one_span(terms: Sequence[Term]) -> bool:
    return terms[-1].token.position - terms[0].token.position < len(terms) + 1


def _stem_at(text: Text, position: int, *, spanish: bool) -> str:
    if not 0 <= position < len(text.tokens):
        return ""
    return word_of(text.tokens[position].folded, spanish=spanish).stem


def _only_inserted(pair: _Pair) -> bool:
    """Whether one text is the other with one word put in: smart socket, smart plug socket."""
    extra = pair.left or pair.right
    longer, shorter = (pair.asked, pair.stored) if pair.left else (pair.stored, pair.asked)
    if len(shorter.tokens) > _TERSE or len(extra) != 1:
        return False
    if len(longer.tokens) != len(shorter.tokens) + 1:
        return False
    gap = extra[0].token.position
    rest = [token.position for token in longer.tokens if token.position != gap]
    return all(
        _stem_at(longer, place, spanish=pair.spanish) == _stem_at(shorter, at, spanish=pair.spanish)
        for at, place in enumerate(rest)
    )


def _written(terms: Sequence[Term]) -> str:
    return " ".join([term.word.folded for term in terms]) or "-"
