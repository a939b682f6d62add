"""A text as the guards read it: cut into tokens once, and remembered.

Every guard works on the same tokens. What a guard derives from a text (its quantities, its names)
it caches by the identity of the `Text`, so that one question compared with twenty stored ones is
read once.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

from msgspec import Struct

from routing.language import detect_language

READ_LIMIT = 4_000
"""Characters that are read. What stands behind them no guard has seen (see the length guard), nor
as a rule the embedding, which is cut off earlier."""

_OTHER_WORDS = 2
_CACHED_LENGTH = 2_000
_CACHED_TEXTS = 4_096

_APOSTROPHES = str.maketrans(dict.fromkeys("\u2018\u2019\u02bc\u0060\u00b4\u2032", "'"))
_TOKEN = re.compile(
    r"(?<![^\W_])(?:[^\W\d_]\.){2,}(?:[^\W\d_](?![^\W_]))?|"  # U.S., p.m., e.g.
    r"[^\W_]+"  # letters and digits
    r"(?:(?:(?<=[^\W\d_])'(?=[^\W\d_])|(?<=\d)[.,:](?=\d))[^\W_]+)*"  # don't, 1.5, 1,000, 10:30
    r"(?:\+\+|(?<=[^\W\d_])#(?!\w))?"  # C++, C#
)
_SENTENCE_END = frozenset('.!?…¿¡:;\n"“”«»(•|')
_ORDINAL_SIGNS = frozenset("ºª")
_RAISED = ("<super>", "<sub>", "<fraction>")


class Token(Struct, frozen=True, gc=False):
    """One word or number. `lower` is NFKC and case folded, `folded` also without accents.

    `start` and `end` are offsets into `Text.clean`. `capitalised`: the first letter is upper case.
    `opens`: the token starts the text or a sentence, where a capital says nothing.
    """

    written: str
    lower: str
    folded: str
    position: int
    capitalised: bool
    start: int
    end: int
    opens: bool


class Text(Struct, frozen=True, eq=False):
    """A text and its tokens. Two texts are the same only when they are one object.

    `clean` is `raw` up to READ_LIMIT in NFKC with plain apostrophes. `language` is "en", "es",
    another ISO code, or "" when unsure. `words` holds every token's folded form.
    """

    raw: str
    clean: str
    language: str
    tokens: tuple[Token, ...]
    words: frozenset[str]


def read_text(raw: str, *, language: str = "") -> Text:
    """`raw` cut into tokens. A `language` that is given is not guessed."""
    if len(raw) < _CACHED_LENGTH:
        return _read_cached(raw, language)
    return _read(raw, language)


def is_told_anew(text: Text, other: Text, *, words: int) -> bool:
    """Whether `text` puts it in other words than `other` and has at least `words` more of its own.

    What a short question adds to another is what it asks; what a long re-phrasing adds may be a
    circumstance.
    """
    if len(other.words - text.words) < _OTHER_WORDS:
        return False
    return len(text.words - other.words) >= words


def fold(word: str) -> str:
    """`word` in NFKC, case folded and without accents: how word lists are compared."""
    if word.isascii():
        return word.lower()
    return _strip_accents(unicodedata.normalize("NFKC", word).casefold())


def _read(raw: str, language: str) -> Text:
    clean = _clean(raw[:READ_LIMIT])
    tokens = _tokens(clean)
    words = frozenset([token.folded for token in tokens])
    return Text(raw, clean, language or detect_language(clean), tokens, words)


_read_cached = lru_cache(maxsize=_CACHED_TEXTS)(_read)


def _tokens(clean: str) -> tuple[Token, ...]:
    tokens: list[Token] = []
    ascii_only = clean.isascii()
    end_before = 0
    for position, match in enumerate(_TOKEN.finditer(clean)):
        written = match.group()
        start, end = match.span()
        if written[-1] == "." or written[1:2] == ".":
            written = _without_dots(written)
        lower = written.lower() if ascii_only else written.casefold()
        folded = lower if ascii_only else _strip_accents(lower)
        opens = position == 0 or (
            start - end_before != 1 and not _SENTENCE_END.isdisjoint(clean[end_before:start])
        )
        capital = written[0].isupper()
        tokens.append(Token(written, lower, folded, position, capital, start, end, opens))
        end_before = end
    return tuple(tokens)


def _without_dots(written: str) -> str:
    """US for U.S.; numbers keep their separators."""
    return written if written[0].isdigit() else written.replace(".", "")


def _clean(raw: str) -> str:
    if raw.isascii():
        return raw.replace("`", "'")
    return unicodedata.normalize("NFKC", _part_raised_digits(raw).translate(_APOSTROPHES))


def _part_raised_digits(text: str) -> str:
    """Put a space into 10² and 2½, which NFKC would turn into 102 and 21/2."""
    parts: list[str] = []
    for char in text:
        after_digit = char > "\x7f" and bool(parts) and parts[-1][-1].isdigit()
        if (
            after_digit
            and char not in _ORDINAL_SIGNS
            and unicodedata.decomposition(char).startswith(_RAISED)
        ):
            parts.append(" ")
        parts.append(char)
    return "".join(parts)


def _strip_accents(word: str) -> str:
    if word.isascii():
        return word
    decomposed = unicodedata.normalize("NFD", word)
    return "".join([char for char in decomposed if not "\u0300" <= char <= "\u036f"])
