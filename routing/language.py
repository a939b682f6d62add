"""Which language a text is written in, without a model and without a clock.

The result is part of the cache key and of a guard, so it leans to silence: an empty string whenever
a text is short, neutral or mixed. Scripts that one language dominates are told by their letters,
Latin and Cyrillic ones by function words, tell-tale letters and endings.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Final

_MIN_EVIDENCE: Final = 1.4
"""More than one word that only this language has: a name or a loan may be such a word."""

_MIN_EVIDENCE_OF: Final[Mapping[str, float]] = {"en": 0.95, "es": 0.95}
"""The languages that curated lists exist for are told by one word of their own."""

_MIN_LEAD: Final = 0.5
"""By how much the best language must beat the next, as a share of its own evidence."""

_MAX_LENGTH: Final = 1_000
"""Characters that are read; more of a long prompt change nothing but the time it takes."""

_WORD = re.compile(r"[^\W\d_]+(?:['\u2019-][^\W\d_]+)*")

_LETTERS: Final[Mapping[str, tuple[tuple[str, float], ...]]] = {
    **dict.fromkeys("ñ", (("es", 1.0),)),
    **dict.fromkeys("¿¡", (("es", 2.0),)),
    **dict.fromkeys("ß", (("de", 1.5),)),
    **dict.fromkeys("ãõ", (("pt", 1.2),)),
    **dict.fromkeys("œëûîêè", (("fr", 0.5), ("pt", 0.1), ("it", 0.3), ("ca", 0.2))),
    **dict.fromkeys("ąęłńśźż", (("pl", 1.2),)),
    **dict.fromkeys("řěůť", (("cs", 1.2),)),
    **dict.fromkeys("őű", (("hu", 1.5),)),
    **dict.fromkeys("ğışİ", (("tr", 1.2),)),
    **dict.fromkeys("ățș", (("ro", 1.0),)),
    **dict.fromkeys("øæ", (("da", 0.5), ("no", 0.5))),
    **dict.fromkeys("ơưđạảấầẩậắằẵặẹẻẽếềểệỉịọỏốồổỗộớờởợụủứừửựỳỵỷỹ", (("vi", 1.0),)),
    **dict.fromkeys("ыэё", (("ru", 1.0),)),
    **dict.fromkeys("іїєґ", (("uk", 1.5),)),
    **dict.fromkeys("ў", (("be", 2.0),)),
    **dict.fromkeys("ђћјљњџ", (("sr", 1.5),)),
}

_ENDINGS: Final[Mapping[str, tuple[str, float]]] = {
    "ción": ("es", 1.0),
    "ciones": ("es", 1.0),
    "ção": ("pt", 1.0),
    "ções": ("pt", 1.0),
    "zione": ("it", 1.0),
    "zioni": ("it", 1.0),
    "ing": ("en", 0.5),
    "ings": ("en", 0.5),
    "ness": ("en", 0.5),
    "ship": ("en", 0.5),
    "'s": ("en", 0.5),
    "n't": ("en", 1.0),
    "'ll": ("en", 1.0),
    "'ve": ("en", 1.0),
    "ungen": ("de", 0.5),
    "keit": ("de", 0.5),
    "eux": ("fr", 0.5),
    "ij": ("nl", 0.5),
}
_ENDING = re.compile("(?:" + "|".join(sorted(_ENDINGS, key=len, reverse=True)) + ")$")
_SHORTEST_ENDED = 5

_SCRIPTS: Final[tuple[tuple[int, int, str, int], ...]] = (
    (0x0370, 0x03FF, "el", 1),
    (0x1F00, 0x1FFF, "el", 1),
    (0x0400, 0x052F, "cyrillic", 1),
    (0x0530, 0x058F, "hy", 1),
    (0x0590, 0x05FF, "he", 1),
    (0x0600, 0x077F, "arabic", 1),
    (0x0900, 0x097F, "hi", 1),
    (0x0980, 0x09FF, "bn", 1),
    (0x0A00, 0x0A7F, "pa", 1),
    (0x0A80, 0x0AFF, "gu", 1),
    (0x0B80, 0x0BFF, "ta", 1),
    (0x0C00, 0x0C7F, "te", 1),
    (0x0C80, 0x0CFF, "kn", 1),
    (0x0D00, 0x0D7F, "ml", 1),
    (0x0D80, 0x0DFF, "si", 1),
    (0x0E00, 0x0E7F, "th", 1),
    (0x0E80, 0x0EFF, "lo", 1),
    (0x1000, 0x109F, "my", 1),
    (0x10A0, 0x10FF, "ka", 1),
    (0x1200, 0x137F, "am", 1),
    (0x1780, 0x17FF, "km", 1),
    (0x3040, 0x30FF, "kana", 3),
    (0x3400, 0x4DBF, "han", 3),
    (0x4E00, 0x9FFF, "han", 3),
    (0x1100, 0x11FF, "ko", 3),
    (0xAC00, 0xD7AF, "ko", 3),
)
"""First and last code point, language or script, and how many Latin letters one sign stands for."""

_FIRST_NOT_LATIN = "\u0370"
_SCRIPT_SAMPLE = 400
_PERSIAN_OR_URDU = frozenset("پچژگیک")
_URDU = frozenset("ٹڈڑےںہ")


def detect_language(text: str) -> str:
    """The two-letter code of the language `text` is written in, or "" when unsure.

    Deterministic and cheap (a few microseconds for a question).
    """
    text = text[:_MAX_LENGTH]
    if text and max(text) >= _FIRST_NOT_LATIN:
        script = _script(text)
        if script and script != "cyrillic":
            return script
    return _by_words(text)


def _read_words() -> dict[str, tuple[tuple[str, float], ...]]:
    """Each word's languages; the fewer list it, the more it tells. `any` takes words out."""
    path = Path(__file__).with_name("language_words.toml")
    lists: dict[str, str] = tomllib.loads(path.read_text(encoding="utf-8"))
    neutral = frozenset(lists.pop("any").split())
    languages_of: dict[str, set[str]] = {}
    for language, words in lists.items():
        for word in words.split():
            languages_of.setdefault(word, set()).add(language)
    return {
        word: tuple((language, 1.0 / len(languages) ** 2) for language in sorted(languages))
        for word, languages in languages_of.items()
        if word not in neutral
    }


_WORDS: Final = _read_words()
_ALONE: Final = {word: found[0][0] for word, found in _WORDS.items() if len(found) == 1}
_ENOUGH: Final = 3
"""So many words that only one language has settle it when none speaks for another."""


def _by_words(text: str) -> str:
    lower = text.lower().replace("\u2019", "'")
    words = _WORD.findall(lower)
    alone = [_ALONE[word] for word in words if word in _ALONE]
    if len(alone) >= _ENOUGH and alone.count(alone[0]) == len(alone):
        return alone[0]
    evidence: dict[str, float] = {}
    for word in words:
        for language, weight in _WORDS.get(word) or _by_ending(word):
            evidence[language] = evidence.get(language, 0.0) + weight
    if not lower.isascii():
        for char in set(lower):
            for language, weight in _LETTERS.get(char, ()):
                evidence[language] = evidence.get(language, 0.0) + weight
    return _clear_winner(evidence)


def _by_ending(word: str) -> tuple[tuple[str, float], ...]:
    if len(word) >= _SHORTEST_ENDED and (found := _ENDING.search(word)):
        return (_ENDINGS[found.group()],)
    return ()


def _clear_winner(evidence: dict[str, float]) -> str:
    if not evidence:
        return ""
    best = max(evidence, key=lambda language: (evidence[language], language))
    most = evidence.pop(best)
    if most < _MIN_EVIDENCE_OF.get(best, _MIN_EVIDENCE):
        return ""
    second = max(evidence.values(), default=0.0)
    return best if most - second >= _MIN_LEAD * most else ""


def _script(text: str) -> str:
    """The language of a text mostly in one non-Latin script, or ""."""
    counts: dict[str, int] = {}
    others = 0
    for char in text[:_SCRIPT_SAMPLE]:
        if char.isascii():
            others += char.isalpha()
            continue
        if char >= _FIRST_NOT_LATIN:
            code = ord(char)
            for first, last, script, weight in _SCRIPTS:
                if first <= code <= last:
                    counts[script] = counts.get(script, 0) + weight
                    break
        else:
            others += char.isalpha()
    if not counts:
        return ""
    best = max(counts, key=lambda script: (counts[script], script))
    if counts[best] <= 2 * others:
        return ""
    return _language_of_script(best, counts=counts, text=text)


def _language_of_script(script: str, *, counts: dict[str, int], text: str) -> str:
    if script in ("kana", "han"):
        return "ja" if "kana" in counts else "zh"
    if script == "arabic":
        signs = set(text)
        if signs & _URDU:
            return "ur"
        return "fa" if signs & _PERSIAN_OR_URDU else "ar"
    return script
