"""How texts are made comparable. Two forms, for two degrees of trust.

`normalize_question` is generous: a person has read every phrasing that an FAQ answers, so case,
punctuation, spacing and forgotten accents may be ignored. `normalize_query` is strict: it compares
texts that nobody has read, where "1.5" and "15", `Foo` and `foo` or a line break may matter.
"""

from __future__ import annotations

import re
import unicodedata

_SPACES = re.compile(r"\s+")
_SIGNS = re.compile(r"[^\w\s]|_")
_APOSTROPHES = "'\u2019\u2018\u02bc\u0060\u00b4"
_JOINERS = ".,:/_@"
"""Kept between two letters or digits: 1.5, 10:30, 24/7, node.js, a@b.c"""

_ACUTE_AND_DIAERESIS = frozenset("\u0300\u0301\u0302\u0308")
_ALL_MARKS = frozenset(map(chr, range(0x0300, 0x0370)))
_FOLDED_MARKS = {"en": _ALL_MARKS, "es": _ACUTE_AND_DIAERESIS}
"""Accents that writers of a language leave out. Spanish keeps the tilde: año is not ano. In any
other language accents are kept, since they may tell two words apart (German schon, schön)."""


def normalize_question(text: str, language: str) -> str:
    """`text` as curated questions are compared; empty when nothing comparable is left.

    Unicode NFKC, case folded, accents folded as writers of `language` (two letters) leave them
    out, punctuation dropped unless it bears meaning (C++, #12, 1.5, -5, 20 %), spaces collapsed.
    """
    text = unicodedata.normalize("NFKC", _part_raised_digits(text)).casefold()
    text = _fold_accents(text, _FOLDED_MARKS.get(language, frozenset()))
    kept = _SIGNS.sub(lambda sign: _kept(text, sign.start()), text)
    return _SPACES.sub(" ", kept).strip()


def normalize_query(text: str) -> str:
    """`text` as the exact cache compares it: NFC, trimmed, and one line's spaces collapsed.

    Case, punctuation and the layout of texts of several lines (code, tables) are kept.
    """
    text = unicodedata.normalize("NFC", text).replace("\r\n", "\n").strip()
    return text if "\n" in text else _SPACES.sub(" ", text)


def _part_raised_digits(text: str) -> str:
    """Put a space into 10² and 2½, which NFKC would turn into 102 and 21/2."""
    if text.isascii():
        return text
    parts: list[str] = []
    for char in text:
        compatible = unicodedata.decomposition(char)
        raised = compatible.startswith(("<super>", "<sub>", "<fraction>"))
        if raised and parts and parts[-1][-1].isdigit():
            parts.append(" ")
        parts.append(char)
    return "".join(parts)


def _fold_accents(text: str, marks: frozenset[str]) -> str:
    if not marks or text.isascii():
        return text
    decomposed = unicodedata.normalize("NFD", text)
    kept: list[str] = []
    on_latin = False
    for char in decomposed:
        if not unicodedata.combining(char):
            on_latin = unicodedata.name(char, "").startswith("LATIN")
            kept.append(char)
        elif not (on_latin and char in marks):
            kept.append(char)
    return unicodedata.normalize("NFC", "".join(kept))


def _kept(text: str, position: int) -> str:
    """What stands for the sign at `position`: itself, a space or nothing."""
    char = text[position]
    before = text[position - 1] if position else " "
    after = text[position + 1] if position + 1 < len(text) else " "
    if char in _APOSTROPHES:
        return "" if before.isalpha() and after.isalpha() else " "
    if char in _JOINERS:
        return char if before.isalnum() and after.isalnum() else " "
    if char == "-":
        return "-" if after.isdigit() and not before.isalnum() else " "
    category = unicodedata.category(char)
    if category in ("Mn", "Mc", "Sc", "Sm") or char in "#%&°*":
        return char
    return "" if category == "Cf" else " "
