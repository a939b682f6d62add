"""Vetoes when codes differ: order numbers, addresses, versions, file names, placeholders."""

from __future__ import annotations

import re

from routing.guards.comparison import Comparison
from routing.guards.facts import facts_of
from routing.guards.text import Text

_NAME_LENGTH = 3
_SPARE_WORDS = 1
_DOMAIN = re.compile(r"(?:www\.)?([a-z0-9-]+)(?:\.[a-z]+){1,2}")


def identifiers(comparison: Comparison) -> str:
    """Which codes differ ("00123842 | 3707955617"), "" when none does.

    A site may be called by its name alone: amazon.com and Amazon.
    """
    asked, stored = comparison.asked, comparison.stored
    asked_codes, stored_codes = facts_of(asked).identifiers, facts_of(stored).identifiers
    if asked_codes == stored_codes:
        return ""
    only_asked = _missing(asked_codes - stored_codes, stored)
    only_stored = _missing(stored_codes - asked_codes, asked)
    if not only_stored and _is_circumstance(only_asked, asked, stored):
        return ""
    if not only_asked and _is_circumstance(only_stored, stored, asked):
        return ""
    if only_asked or only_stored:
        return f"{_shown(only_asked)} | {_shown(only_stored)}"
    return ""


def _missing(codes: frozenset[str], text: Text) -> list[str]:
    return [code for code in codes if not _named(code, text)]


def _is_circumstance(codes: list[str], text: Text, other: Text) -> bool:
    """Whether `codes` are mere names of a few letters (4g, f1) in a text that says more besides."""
    if any(len(code) > _NAME_LENGTH for code in codes):
        return False
    return len(text.words - other.words) > len(codes) + _SPARE_WORDS


def _named(code: str, text: Text) -> bool:
    site = _DOMAIN.fullmatch(code)
    return site is not None and site[1] in text.words


def _shown(codes: list[str]) -> str:
    return ", ".join(sorted(codes)) or "-"
