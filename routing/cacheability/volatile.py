"""Questions whose answer is true only now, or only for the user who asks.

Patterns are anchored at the start of a sentence, after what politeness puts before it. How-to
questions are never volatile, whatever they are about: the way to cancel an order is the same for
everybody.
"""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, Literal

VolatileKind = Literal["", "now", "personal"]

_MOST_SENTENCES: Final = 20
_MOST_CHARS: Final = 4_000
_MOST_WORDS: Final = 30
"""Of a sentence. Longer ones tell a story, of which a word such as today says little."""

_LONGEST_CACHED: Final = 300
_MOST_CACHED: Final = 4_096

_SENTENCES = re.compile(r"[.?!;\n\u00bf\u00a1]+(?=\s|$)|[\u00bf\u00a1\n;]|, (?=(?:and|y) )")
_NOT_WORDS = re.compile(r"[^a-z0-9$%\u20ac ]+")


@dataclass(frozen=True, slots=True)
class _Grammar:
    """One language: what may stand before a question, what is never volatile, and what is."""

    lead: re.Pattern[str]
    never: re.Pattern[str]
    kinds: tuple[tuple[Literal["personal", "now"], re.Pattern[str]], ...]


def volatile_kind(query: str, language: str) -> VolatileKind:
    """Whether the answer to `query` changes by the minute ("now") or belongs to whoever asks.

    `language` is a two-letter code, empty when unknown. Of any other than English and Spanish
    nothing is known; of these two both are tried, for a short question tells little of its own.
    """
    if language and language not in _GRAMMARS:
        return ""
    return _cached(query) if len(query) <= _LONGEST_CACHED else _read(query)


def _read(query: str) -> VolatileKind:
    sentences = _SENTENCES.split(query[:_MOST_CHARS])[:_MOST_SENTENCES]
    for sentence in map(_plain, sentences):
        if 0 < len(sentence.split()) <= _MOST_WORDS:
            for grammar in _GRAMMARS.values():
                if kind := _kind(sentence, grammar):
                    return kind
    return ""


# Every call asks, and most questions have been asked before.
_cached = lru_cache(maxsize=_MOST_CACHED)(_read)


def _kind(sentence: str, grammar: _Grammar) -> VolatileKind:
    rest = sentence
    while (match := grammar.lead.match(rest)) and match.end() < len(rest):
        rest = rest[match.end() :]
    if grammar.never.search(rest):
        return ""
    for kind, pattern in grammar.kinds:
        if pattern.search(rest):
            return kind
    return ""


def _plain(sentence: str) -> str:
    """Lower case without accents and marks, contractions written out."""
    text = sentence.lower().replace("\u2019", "'")
    text = re.sub(r"\b(what|where|how|who|when|that|it|there|here)'?s\b", r"\1 is", text)
    text = text.replace("'re ", " are ").replace("'", "")
    if not text.isascii():
        decomposed = unicodedata.normalize("NFD", text)
        text = "".join(char for char in decomposed if not unicodedata.combining(char))
    return " ".join(_NOT_WORDS.sub(" ", text).split())


def _read_grammars() -> dict[str, _Grammar]:
    path = Path(__file__).with_name("volatile.toml")
    tables = tomllib.loads(path.read_text(encoding="utf-8"))
    return {language: _grammar(table) for language, table in tables.items()}


def _grammar(table: Mapping[str, Any]) -> _Grammar:
    words = {name: "|".join(listed) for name, listed in table["words"].items()}
    return _Grammar(
        lead=_pattern(table["lead"], words),
        never=_pattern(table["never"], words),
        kinds=(
            ("personal", _pattern(table["personal"], words)),
            ("now", _pattern(table["now"], words)),
        ),
    )


def _pattern(alternatives: list[str], words: Mapping[str, str]) -> re.Pattern[str]:
    filled = (
        re.sub(r"\{(\w+)\}", lambda name: f"(?:{words[name[1]]})", one) for one in alternatives
    )
    return re.compile("|".join(f"(?:{one})" for one in filled))


_GRAMMARS: Final[Mapping[str, _Grammar]] = _read_grammars()
