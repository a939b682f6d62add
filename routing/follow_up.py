"""Questions that mean nothing alone: "and for the other one?"

A policy may leave earlier turns out of the key. Such a question must not, for the same few words
ask something else in every conversation. In doubt a question counts as one: all that costs is a
hit in another conversation.
"""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections.abc import Mapping
from pathlib import Path
from typing import Final

_FEW_WORDS: Final = 2
_SHORT_WORDS: Final = 12
"""A longer question names what it is about, even where it says "it" later on."""

_WORD = re.compile(r"[a-z0-9']+")


def is_follow_up(query: str, *, language: str = "") -> bool:
    """Whether `query` rests on earlier turns; any very short text does.

    `language` is a two-letter code, empty when unknown. Of any other than English and Spanish
    nothing is known, so every short question counts.
    """
    words = _WORD.findall(_plain(query[: 40 * _SHORT_WORDS]))
    if len(words) <= _FEW_WORDS:
        return True
    if language and language not in _LANGUAGES and len(words) <= _SHORT_WORDS:
        return True
    if any(" ".join(words[:length]) in _OPENS for length in (1, 2, 3)):
        return True
    return len(words) <= _SHORT_WORDS and not _POINTS_BACK.isdisjoint(words)


def _plain(text: str) -> str:
    decomposed = unicodedata.normalize("NFD", text.casefold())
    return "".join(char for char in decomposed if not unicodedata.combining(char))


def _read(field: str) -> frozenset[str]:
    return frozenset(word for words in _LANGUAGES.values() for word in words[field])


_LANGUAGES: Final[Mapping[str, Mapping[str, list[str]]]] = tomllib.loads(
    Path(__file__).with_suffix(".toml").read_text(encoding="utf-8")
)
_OPENS: Final = _read("opens")
_POINTS_BACK: Final = _read("points_back")
