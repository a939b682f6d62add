"""Personal data in a text: what names or reaches one person, told by form and check digits.

Precision first: numbers that merely look long are none, nor are IP addresses, hotlines, mailboxes
of a role, or what the app's own system prompt contains.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Final

_LISTS: Final = tomllib.loads(Path(__file__).with_name("personal.toml").read_text(encoding="utf-8"))
_ROLES: Final = frozenset(_LISTS["email"]["roles"].split())
_EXAMPLE_DOMAINS: Final = frozenset(_LISTS["email"]["example_domains"].split())
_IBAN_LENGTHS: Final[Mapping[str, int]] = _LISTS["iban"]["lengths"]
_HOTLINES: Final = tuple(_LISTS["phone"]["hotlines"].split())
_CARDS: Final = re.compile(_LISTS["card"]["issuers"])
_DNI_LETTERS: Final = "TRWAGMYFPDXBNJZSQVHLCKE"

_EMAIL = re.compile(
    r"(?<![\w.+-])([a-z0-9][a-z0-9._%+-]{0,63})@((?:[a-z0-9-]{1,63}\.)+[a-z]{2,24})\b",
    re.IGNORECASE,
)
# Whatever is looked for has at least these digits; most texts have not.
_DIGITS = re.compile(r"\d(?:[ ().-]{0,2}\d){6}")
_CARD = re.compile(r"(?<![\w.+-])\d(?:[ -]?\d){12,18}(?![\w-]|\.\d)")
_IBAN = re.compile(r"(?<!\w)([A-Z]{2})\d{2}(?:[ -]?[A-Z0-9]){11,32}", re.IGNORECASE)
_SSN = re.compile(r"(?<![\w-])(?!000|666|9\d\d)\d{3}-(?!00)\d{2}-(?!0000)\d{4}(?![\w-])")
_DNI = re.compile(r"(?<![\w-])(\d{8}|\d{2}\.\d{3}\.\d{3})[- ]?([A-Z])(?!\w)", re.IGNORECASE)
_NIE = re.compile(r"(?<![\w-])([XYZ])[- ]?(\d{7})[- ]?([A-Z])(?!\w)", re.IGNORECASE)
_INTERNATIONAL = re.compile(
    r"(?<![\w+])(?:\+ ?[1-9](?:[ ().-]{0,2}\d){7,14}|00[1-9](?=\d{0,2}[ .-])(?:[ .-]?\d){7,14})"
    r"(?![\w-])"
)
_NORTH_AMERICAN = re.compile(
    r"(?<![\w.+-])(?:1[ .-])?(?:\([2-9]\d\d\) ?|[2-9]\d\d[.-])[2-9]\d\d[.-]\d{4}(?![\w-])"
)
_SPANISH = re.compile(r"(?<![\w.+-])[6-9]\d{2}[ .-]?\d{2,3}[ .-]?\d{2,3}(?:[ .-]?\d{2})?(?![\w-])")
_PHONE_WORD = re.compile(_LISTS["phone"]["announced_by"], re.IGNORECASE)
_ANNOUNCED_WITHIN = 30
_MOST_COMPARED = 50
"""Of what is found, with what is known: both may be long, and calls wait meanwhile."""

_SEPARATORS = str.maketrans("", "", " .()-")


def personal_kind(text: str, *, known: str = "") -> str:
    """What personal data `text` holds: email, phone, card, iban or national_id; "" for none.

    What stands in `known` too is not personal, unless it is so much that it could be anything.
    """
    known = known.casefold()
    if "@" in text and _any_unknown(_emails(text), known):
        return "email"
    if _DIGITS.search(text) is None:
        return ""
    for kind, find in _FINDERS.items():
        if _any_unknown(find(text), known):
            return kind
    return ""


def _any_unknown(found: Iterator[str], known: str) -> bool:
    compared: set[str] = set()
    for item in map(str.casefold, found):
        if item in compared:
            continue
        if len(compared) == _MOST_COMPARED or item not in known:
            return True
        compared.add(item)
    return False


def _emails(text: str) -> Iterator[str]:
    for match in _EMAIL.finditer(text):
        name, domain = match[1].lower(), match[2].lower()
        if re.split("[._+-]", name)[0] in _ROLES or name in _ROLES:
            continue
        if domain not in _EXAMPLE_DOMAINS and not domain.endswith(".example"):
            yield match[0]


def _cards(text: str) -> Iterator[str]:
    for match in _CARD.finditer(text):
        digits = match[0].translate(_SEPARATORS)
        if _CARDS.fullmatch(digits) and _passes_luhn(digits):
            yield match[0]


def _passes_luhn(digits: str) -> bool:
    doubled = [int(digit) * 2 for digit in digits[-2::-2]]
    return (sum(map(int, digits[-1::-2])) + sum(n - 9 if n > 9 else n for n in doubled)) % 10 == 0


def _ibans(text: str) -> Iterator[str]:
    for match in _IBAN.finditer(text):
        length = _IBAN_LENGTHS.get(match[1].upper())
        if length is None:
            continue
        end, count = match.start(), 0
        while end < match.end() and count < length:
            count += text[end].isalnum()
            end += 1
        iban = re.sub("[ -]", "", text[match.start() : end]).upper()
        if count == length and not text[end : end + 1].isalnum() and _passes_mod_97(iban):
            yield text[match.start() : end]


def _passes_mod_97(iban: str) -> bool:
    return int("".join(str(int(char, 36)) for char in iban[4:] + iban[:4])) % 97 == 1


def _national_ids(text: str) -> Iterator[str]:
    for match in _SSN.finditer(text):
        yield match[0]
    for match in _DNI.finditer(text):
        if _DNI_LETTERS[int(match[1].replace(".", "")) % 23] == match[2].upper():
            yield match[0]
    for match in _NIE.finditer(text):
        number = f"{'XYZ'.index(match[1].upper())}{match[2]}"
        if _DNI_LETTERS[int(number) % 23] == match[3].upper():
            yield match[0]


def _phones(text: str) -> Iterator[str]:
    for match in _INTERNATIONAL.finditer(text):
        digits = match[0].translate(_SEPARATORS).removeprefix("+").removeprefix("00")
        if not digits.startswith(_HOTLINES):
            yield match[0]
    for match in _NORTH_AMERICAN.finditer(text):
        digits = match[0].translate(_SEPARATORS)
        if not f"1{digits[-10:]}".startswith(_HOTLINES):
            yield match[0]
    for match in _SPANISH.finditer(text):
        digits = match[0].translate(_SEPARATORS)
        before = text[max(0, match.start() - _ANNOUNCED_WITHIN) : match.start()]
        announced = len(digits) == 9 and _PHONE_WORD.search(before)
        if announced and not f"34{digits}".startswith(_HOTLINES):
            yield match[0]


_FINDERS: Final[Mapping[str, Callable[[str], Iterator[str]]]] = {
    "card": _cards,
    "iban": _ibans,
    "national_id": _national_ids,
    "phone": _phones,
}
