"""Numbers as they are written: in digits, in words, in Roman numerals; English and Spanish."""

from __future__ import annotations

import re
from collections.abc import Sequence
from fractions import Fraction

from routing.guards.data import read_table
from routing.guards.text import Token

Value = int | Fraction

_TABLE = read_table("numbers.toml")
_SPANISH_ENDINGS = ("o", "a", "os", "as", "")


def _ordinals() -> dict[str, int]:
    words: dict[str, int] = dict(_TABLE["ordinals"]["en"])
    words |= {f"{word}s": value for word, value in words.items() if value > 2}
    stems: dict[str, int] = _TABLE["ordinals"]["es"]
    tens = {stem: value for stem, value in stems.items() if 10 <= value < 100}
    forms = dict(stems)
    for ten, value in tens.items():
        for unit, more in stems.items():
            if more < 10 and value % 10 == 0:
                forms[f"{ten}o{unit}"] = value + more
    for stem, value in forms.items():
        for ending in _SPANISH_ENDINGS if stem.endswith("er") else _SPANISH_ENDINGS[:-1]:
            words[stem + ending] = value
    return {**words, **_TABLE["ordinals"]["other"]}


CARDINALS: dict[str, int] = _TABLE["cardinals"]
MULTIPLIERS: dict[str, int] = _TABLE["multipliers"]
ORDINALS = _ordinals()
PLACES: dict[str, int] = _TABLE["places"]
_ONLY_SPANISH: dict[str, int] = _TABLE["only_spanish"]
ONES = frozenset({"one", "a", "an", "un", "uno", "una"})
NUMBER_WORDS = frozenset(CARDINALS) | frozenset(MULTIPLIERS) | frozenset(ORDINALS)

_LONGEST_NUMBER = 40
_AND = frozenset({"and", "y"})
_HALF = frozenset({"half", "medio", "media"})
_NUMERIC = re.compile(r"(\d+(?:[.,]\d+)*)([^\W\d_]*)", re.UNICODE)
_ORDINAL_SUFFIX = frozenset(_TABLE["context"]["ordinal_suffix"].split())
_ROMAN = re.compile(r"(?=[IVXL]{2})(?:XL|L?X{0,3})(?:IX|IV|V?I{0,3})")
_ROMAN_DIGITS = {"I": 1, "V": 5, "X": 10, "L": 50}
_NOT_ROMAN = frozenset({"XL", "LI"})
_LOWER_ROMAN = frozenset(_TABLE["context"]["roman_lower"].split())


def digits_of(lower: str, *, language: str) -> tuple[Value, str] | None:
    """The value and the letters behind it ("5kg" is 5 and "kg"); None when it is no such word."""
    match = _NUMERIC.fullmatch(lower)
    if match is None:
        return None
    digits, suffix = match.groups()
    if digits.isascii() and (value := _value(digits, language)) is not None:
        return value, suffix
    return None


def _value(digits: str, language: str) -> Value | None:
    """None for what is no number: 1.2.3, or more digits than any amount has."""
    if len(digits) > _LONGEST_NUMBER:
        return None
    if digits.isdigit():
        return int(digits)
    groups = re.split(r"[.,]", digits)
    signs = [char for char in digits if not char.isdigit()]
    whole = all(len(group) == 3 for group in groups[1:]) and len(groups[0]) <= 3
    if len(set(signs)) == 2:
        decimals = signs[-1] not in signs[:-1]
    elif len(signs) > 1:
        if not whole:
            return None
        decimals = False
    else:
        if len(groups[1]) > 3 and signs[0] == "," and len(groups[0]) > 1:
            return None
        thousands = "." if language == "es" else ","
        decimals = not whole or groups[0] == "0" or signs[0] != thousands
    if not decimals:
        return int("".join(groups))
    return _plain(Fraction(f"{''.join(groups[:-1])}.{groups[-1]}"))


def _plain(value: Value) -> Value:
    return int(value) if isinstance(value, Fraction) and value.denominator == 1 else value


def shown(value: Value) -> str:
    """`value` in decimal digits."""
    return str(value) if isinstance(value, int) else f"{float(value):g}"


def is_ordinal_suffix(suffix: str) -> bool:
    """Whether `suffix` behind digits makes an ordinal: 2nd, 2do, 2º."""
    return suffix in _ORDINAL_SUFFIX


def roman_of(token: Token) -> int | None:
    """The value of a Roman numeral of two letters or more (XXX, VIII); None for other words."""
    written = token.written
    if len(written) < 2:
        return None
    if written not in _LOWER_ROMAN:
        if not written.isupper() or written in _NOT_ROMAN or not _ROMAN.fullmatch(written):
            return None
    else:
        written = written.upper()
    total = 0
    for char, after in zip(written, [*written[1:], ""], strict=True):
        value = _ROMAN_DIGITS[char]
        total += -value if after and value < _ROMAN_DIGITS[after] else value
    return total


def number_words(
    tokens: Sequence[Token], start: int, *, language: str
) -> tuple[Value, int, bool] | None:
    """The number that begins at `start`: value, position behind it, whether it is an ordinal.

    None when no number begins there. "one", "a" and "un" alone are no numbers.
    """
    total = current = 0
    position, seen, scaled = start, False, False
    while position < len(tokens):
        word = tokens[position].folded
        value = CARDINALS.get(word)
        if value is None and language == "es":
            value = _ONLY_SPANISH.get(word)
        if value is None and word in ONES and (seen or _starts_hundred(tokens, position)):
            value = 1
        if value is not None:
            if seen and not _fits(current, value, scaled=scaled):
                break
            if word not in ONES or seen:
                current += value
        elif word in MULTIPLIERS:
            factor = MULTIPLIERS[word]
            scaled = True
            if factor <= 100:
                current = (current or 1) * factor
            else:
                total, current = total + (current or 1) * factor, 0
        elif word in ORDINALS and (not seen or _fits(current, ORDINALS[word], scaled=scaled)):
            value = total + current + ORDINALS[word]
            after = tokens[position + 1].folded if position + 1 < len(tokens) else ""
            if value % 10 == 0 and ORDINALS.get(after, 10) < 10 and not seen:
                return value + ORDINALS[after], position + 2, True
            return value, position + 1, True
        elif not (seen and word in _AND and _goes_on(tokens, position, current)):
            break
        position, seen = position + 1, True
    return (total + current, position, False) if seen else None


def with_half(value: Value, tokens: Sequence[Token], position: int) -> tuple[Value, int]:
    """`value`, or a half more where "and a half" or "y media" follows at `position`."""
    words = [token.folded for token in tokens[position : position + 3]]
    if words[:1] == ["and"] and words[1:] == ["a", "half"]:
        return value + Fraction(1, 2), position + 3
    if words[:1] == ["y"] and len(words) > 1 and words[1] in _HALF:
        return value + Fraction(1, 2), position + 2
    return value, position


def _starts_hundred(tokens: Sequence[Token], position: int) -> bool:
    return position + 1 < len(tokens) and tokens[position + 1].folded in MULTIPLIERS


def _goes_on(tokens: Sequence[Token], position: int, current: int) -> bool:
    """Whether "and" or "y" at `position` joins two parts of one number."""
    if position + 1 >= len(tokens) or current == 0 or current % 10:
        return False
    after = tokens[position + 1].folded
    value = 1 if after in ONES and after not in ("a", "an") else CARDINALS.get(after, 0)
    return bool(value) and _fits(current, value, scaled=True) and (current % 100 == 0 or value < 10)


def _fits(current: int, value: int, *, scaled: bool) -> bool:
    """Whether `value` may follow within one number: 20 and 2, 100 and 22; not 2 and 3."""
    if current == 0:
        return scaled
    if current % 100 == 0:
        return value < 100
    return current % 10 == 0 and current % 100 >= 20 and value < 10
