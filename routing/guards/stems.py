"""Inflected forms brought together: light stemmers for English and Spanish, and near spellings.

A stem is not a word; it only has to be the same for the forms of one word and different for words
that a question must keep apart. Input is folded (lower case, no accents).
"""

from __future__ import annotations

import re
from typing import Final

from routing.guards.data import read_table

_TABLE: dict[str, str] = read_table("stems.toml")

_DOUBLE_ENDINGS = frozenset("bdgklmnprt")
_VOWELS = frozenset("aeiouy")

_SPANISH_CLITICS: Final = tuple(_TABLE["spanish_clitics"].split())
_SPANISH_ENDINGS: Final = tuple(sorted(_TABLE["spanish_endings"].split(), key=len, reverse=True))

_DERIVED: Final = frozenset(_TABLE["derived"].split()) | {""}
"""Endings that make a related word of the same root: install, installation."""

_SHORTEST_ROOT = 4
_LONG = 9
_TYPED_WRONG = 6
"""From this length on one letter for another is likelier a slip than another word."""


_PLURAL_OF_TWO = re.compile(r"[^aeious]{2}s").fullmatch


def english_stem(word: str) -> str:
    """The stem of a folded English word."""
    if len(word) < 4:
        return word[:2] if len(word) == 3 and _PLURAL_OF_TWO(word) else word
    if word.endswith("'s"):
        word = word[:-2]
    if word[-1] == "s":
        word = _without_plural(word)
    if len(word) > 4:
        word = _without_verb_ending(word)
    return _canonical_end(word)


def spanish_stem(word: str) -> str:
    """The stem of a folded Spanish word."""
    if len(word) < 4:
        return word
    for clitic in _SPANISH_CLITICS:
        if word.endswith(clitic) and word[: -len(clitic)].endswith(
            ("ar", "er", "ir", "ando", "endo")
        ):
            word = word[: -len(clitic)]
            break
    for ending in _SPANISH_ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            return word[: -len(ending)]
    return word


def near_spelling(a: str, b: str) -> bool:
    """Whether two folded words are likely one: of the same root, or a slip in typing apart."""
    if any(char.isdigit() for char in a) or any(char.isdigit() for char in b):
        return False
    if a == b or _same_root(a, b):
        return True
    shorter = min(len(a), len(b))
    if shorter < 5 or abs(len(a) - len(b)) > 2:
        return False
    if a[0] != b[0]:
        return False
    if sorted(a) == sorted(b):
        return True
    if _edits(a, b) > (1 if shorter < _LONG else 2):
        return False
    return shorter >= _TYPED_WRONG or not (a.startswith(b) or b.startswith(a) or len(a) == len(b))


def _same_root(a: str, b: str) -> bool:
    length = 0
    for x, y in zip(a, b, strict=False):
        if x != y:
            break
        length += 1
    if length < _SHORTEST_ROOT or length < max(len(a), len(b)) - 7:
        return False
    if a[length:] in _DERIVED and b[length:] in _DERIVED:
        return True
    return _doubled(a, b, length=length) or _doubled(b, a, length=length)


def _doubled(a: str, b: str, *, length: int) -> bool:
    """Whether `b` doubles the last letter of the shared root: cancel, cancellation."""
    return (
        a[length:] in _DERIVED
        and b[length : length + 1] == b[length - 1]
        and b[length + 1 :] in _DERIVED
    )


def _edits(a: str, b: str) -> int:
    """Damerau-Levenshtein distance (neighbours swapped count once)."""
    before: list[int] = []
    last = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        row = [i]
        for j, y in enumerate(b, 1):
            cost = min(last[j] + 1, row[j - 1] + 1, last[j - 1] + (x != y))
            if i > 1 and j > 1 and x == b[j - 2] and a[i - 2] == y:
                cost = min(cost, before[j - 2] + 1)
            row.append(cost)
        before, last = last, row
    return last[-1]


def _without_plural(word: str) -> str:
    if word.endswith(("ss", "us", "is")):
        return word
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    if word.endswith(("ches", "shes", "xes", "sses", "zes", "oes")):
        return word[:-2]
    return word[:-1]


def _without_verb_ending(word: str) -> str:
    for ending in ("ing", "ed"):
        root = word[: -len(ending)]
        if word.endswith(ending) and len(root) >= 3 and not _VOWELS.isdisjoint(root):
            return root
    return word


def _canonical_end(word: str) -> str:
    if len(word) > 3 and word[-1] == word[-2] and word[-1] in _DOUBLE_ENDINGS:
        word = word[:-1]
    if len(word) > 3 and word[-1] == "e":
        word = word[:-1]
    if len(word) > 2 and word[-1] == "y":
        word = word[:-1] + "i"
    return word
