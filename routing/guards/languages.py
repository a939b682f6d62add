"""Which language a short text is written in, by its function words and its script."""

from __future__ import annotations

import unicodedata
from collections import Counter

from routing.guards.data import read_table

_SCRIPTS = {
    "CYRILLIC": "ru",
    "GREEK": "el",
    "HEBREW": "he",
    "ARABIC": "ar",
    "DEVANAGARI": "hi",
    "THAI": "th",
    "HANGUL": "ko",
    "HIRAGANA": "ja",
    "KATAKANA": "ja",
    "CJK": "zh",
}
_SPANISH_SIGNS = frozenset("¿¡ñÑ")
_SCRIPT_SAMPLE = 200


def _languages_by_word() -> dict[str, tuple[str, ...]]:
    languages: dict[str, tuple[str, ...]] = {}
    for language, words in read_table("languages.toml").items():
        for word in words.split():
            languages[word] = (*languages.get(word, ()), language)
    return languages


_LANGUAGES = _languages_by_word()


def language_of(clean: str, words: frozenset[str]) -> str:
    """ISO code of the language that most function words speak for; "" when two tie or none does.

    `words` are folded. Texts in another script than Latin are told by the script.
    """
    if not clean.isascii():
        if not _SPANISH_SIGNS.isdisjoint(clean):
            return "es"
        if script := _script_of(clean):
            return script
    seen: dict[str, int] = {}
    for word in words & _LANGUAGES.keys():
        for language in _LANGUAGES[word]:
            seen[language] = seen.get(language, 0) + 1
    if not seen:
        return ""
    best = max(seen.values())
    leaders = [language for language, count in seen.items() if count == best]
    return leaders[0] if len(leaders) == 1 else ""


def _script_of(clean: str) -> str:
    counts: Counter[str] = Counter()
    for char in clean[:_SCRIPT_SAMPLE]:
        if char > "\u02ff" and char.isalpha():
            script = unicodedata.name(char, "").partition(" ")[0]
            counts[_SCRIPTS.get(script, "")] += 1
        elif char.isalpha():
            counts[""] += 1
    if counts["ja"]:
        return "ja"
    return counts.most_common(1)[0][0] if counts else ""
