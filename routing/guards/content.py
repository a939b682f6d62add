"""The words of a text that carry its subject, with what they have in common with other words.

Grammar is left out and filler is marked, after the curated lists in data/words_*.toml. Every word
is looked up once and remembered; so is every text.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache

from msgspec import Struct

from routing.guards.data import read_table
from routing.guards.remember import remembered
from routing.guards.stems import english_stem, near_spelling, spanish_stem
from routing.guards.text import Text, Token

_LISTED = ("en", "es")
_SHORTEST_UNLISTED = 4
_CACHED_WORDS = 32_768


class Word(Struct, frozen=True, gc=False):
    """What the lists know of a word. `groups` are the lines of `alike` that its stem stands in."""

    folded: str
    stem: str
    groups: frozenset[int]
    function: bool
    soft: bool
    known: bool


class Term(Struct, frozen=True, gc=False):
    """A word of a text that is not mere grammar."""

    word: Word
    token: Token

    @property
    def stem(self) -> str:
        return self.word.stem


class Content(Struct, frozen=True):
    """A text's words: `terms` with filler, `hard` without; their stems, synonyms and initials."""

    terms: tuple[Term, ...]
    hard: tuple[Term, ...]
    stems: frozenset[str]
    hard_stems: frozenset[str]
    groups: frozenset[int]
    initials: frozenset[str]

    def has_like(self, word: Word) -> bool:
        """Whether a word of the text may stand for `word`."""
        if word.stem in self.stems or not word.groups.isdisjoint(self.groups):
            return True
        if word.folded[0] not in self.initials:
            return False
        return any(alike(word, term.word) for term in self.terms)


class _Lists(Struct, frozen=True):
    stem: Callable[[str], str]
    function: frozenset[str]
    soft: frozenset[str]
    irregular: dict[str, str]
    groups: dict[str, frozenset[int]]


@remembered
def content_of(text: Text, language: str) -> Content:
    """The content of `text`, read as `language` ("es" is Spanish, anything else English).

    Of languages without a list, and when it is not known, short words count as grammar too.
    """
    spanish = language == "es"
    shortest = 1 if language in _LISTED else _SHORTEST_UNLISTED
    terms = [
        Term(word, token)
        for word, token in zip(words_of(text, spanish), text.tokens, strict=True)
        if not word.function and (len(token.folded) >= shortest or token.folded[0].isdigit())
    ]
    hard = [term for term in terms if not term.word.soft]
    return Content(
        tuple(terms),
        tuple(hard),
        frozenset([term.word.stem for term in terms]),
        frozenset([term.word.stem for term in hard]),
        frozenset([number for term in terms for number in term.word.groups]),
        frozenset([term.word.folded[0] for term in terms]),
    )


def word_of(folded: str, *, spanish: bool) -> Word:
    """What is known of one folded word."""
    return _spanish_word(folded) if spanish else _english_word(folded)


@lru_cache(maxsize=_CACHED_WORDS)
def _english_word(folded: str) -> Word:
    return _look_up(folded, _ENGLISH)


@lru_cache(maxsize=_CACHED_WORDS)
def _spanish_word(folded: str) -> Word:
    return _look_up(folded, _SPANISH)


def _look_up(folded: str, lists: _Lists) -> Word:
    if folded.endswith("'s"):
        folded = folded[:-2]
    base = lists.irregular.get(folded, folded)
    stem = lists.stem(base)
    function = folded in lists.function
    soft = folded in lists.soft
    groups = lists.groups.get(stem, frozenset())
    if not groups and folded.endswith("est") and lists is _ENGLISH:
        groups = lists.groups.get(lists.stem(folded[:-3]), frozenset())
    return Word(folded, stem, groups, function, soft, soft or function or bool(groups))


@remembered
def words_of(text: Text, spanish: bool) -> tuple[Word, ...]:  # noqa: FBT001
    """What is known of each token of `text`."""
    look_up = _spanish_word if spanish else _english_word
    return tuple([look_up(token.folded) for token in text.tokens])


@remembered
def stems_of(text: Text, spanish: bool) -> Mapping[str, str]:  # noqa: FBT001
    """Every stem of `text`, grammar and filler too, with the word it was last written as."""
    words = words_of(text, spanish)
    return {word.stem: token.folded for word, token in zip(words, text.tokens, strict=True)}


def holds(text: Text, phrase: str, *, spanish: bool) -> bool:
    """Whether a tenant's word, in any form, or expression (folded) stands in `text`."""
    if " " in phrase:
        return f" {phrase} " in _spaced(text)
    return word_of(phrase, spanish=spanish).stem in stems_of(text, spanish)


@remembered
def _spaced(text: Text) -> str:
    return "".join([" ", *[f"{token.folded} " for token in text.tokens]])


def alike(a: Word, b: Word) -> bool:
    """Whether one word may stand for the other: same stem, synonyms, or near spellings."""
    if a.stem == b.stem or not a.groups.isdisjoint(b.groups):
        return True
    if a.known and b.known and a.folded[:4] != b.folded[:4]:
        return False
    return near_spelling(a.folded, b.folded)


def language_of_pair(asked: Text, stored: Text) -> str:
    """The language both texts are read in: the one that is known; "" when they differ."""
    if asked.language and stored.language and asked.language != stored.language:
        return ""
    return asked.language or stored.language


def _read_lists(name: str, stem: Callable[[str], str]) -> _Lists:
    table: dict[str, str] = read_table(name)
    irregular: dict[str, str] = {}
    for pair in (*_items(table["irregular"]), *_items(table["spelling"])):
        form, base = pair.split()
        irregular[form] = base
    groups: dict[str, set[int]] = {}
    for number, line in enumerate(table["alike"].splitlines()):
        for word in line.split():
            groups.setdefault(stem(irregular.get(word, word)), set()).add(number)
    return _Lists(
        stem,
        frozenset(table["function"].split()),
        frozenset(table["soft"].split()),
        irregular,
        {key: frozenset(numbers) for key, numbers in groups.items()},
    )


def _items(text: str) -> list[str]:
    return [item for item in text.replace("\n", " ").split(",") if item.strip()]


_ENGLISH = _read_lists("words_en.toml", english_stem)
_SPANISH = _read_lists("words_es.toml", spanish_stem)
