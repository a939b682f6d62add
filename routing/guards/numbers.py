"""Vetoes when the quantities differ: another number, another unit, or a number on one side only."""

from __future__ import annotations

from routing.guards.comparison import Comparison
from routing.guards.content import content_of, language_of_pair
from routing.guards.data import read_table
from routing.guards.facts import Quantity, facts_of, stand_beside
from routing.guards.figures import ONES
from routing.guards.retelling import asks_permission, retelling, seeks_advice
from routing.guards.scan import ORDINAL
from routing.guards.text import Text, is_told_anew

_CONTEXT = read_table("numbers.toml")["context"]
_DECISIVE = frozenset((_CONTEXT["limit"] + _CONTEXT["numbered"]).split())
"""Words beside which a number is a limit ("over 30 kg") or a name ("version 12")."""

_WORDS_BESIDE_NUMBER = 4
_WORDS_BESIDE_AMOUNT = 7
_OTHER_WORDS = 3
_FIRST = Quantity(1, ORDINAL)
_MOST_NUMBERS = 40
"""With more that differ no two texts ask the same; units are not looked at any more."""


def numbers(comparison: Comparison) -> str:
    """What differs in quantities ("5 kg | 7 kg"), "" when nothing does.

    Units are compared where both texts name one. Vague numbers ("top 5", "two accounts")
    must agree only where both texts have one.
    """
    asked, stored = facts_of(comparison.asked), facts_of(comparison.stored)
    if asked.quantities == stored.quantities:
        return ""
    only_asked, only_stored = _unmatched(asked.quantities, stored.quantities)
    only_asked = [
        item for item in only_asked if not _harmless(item, only_stored, comparison.stored)
    ]
    only_stored = [
        item for item in only_stored if not _harmless(item, only_asked, comparison.asked)
    ]
    if not only_stored and _is_circumstance(only_asked, comparison.asked, comparison.stored):
        return ""
    if not only_asked and _is_circumstance(only_stored, comparison.stored, comparison.asked):
        return ""
    if only_asked or only_stored:
        return f"{_shown(only_asked)} | {_shown(only_stored)}"
    if _is_exchanged(comparison):
        return f"{_shown(asked.quantities)} | {_shown(stored.quantities)}"
    return ""


def _is_exchanged(comparison: Comparison) -> bool:
    """Whether the same words have the same numbers in another order: 2 adults and 1 child."""
    asked, stored = comparison.asked, comparison.stored
    mine, theirs = facts_of(asked).quantities, facts_of(stored).quantities
    if tuple(dict.fromkeys(mine)) == tuple(dict.fromkeys(theirs)):
        return False
    language = language_of_pair(asked, stored)
    return content_of(asked, language).stems == content_of(stored, language).stems


def _is_circumstance(items: list[Quantity], text: Text, other: Text) -> bool:
    """Whether `items` may be but a detail in a text that says it all in other words.

    A limit ("over 30 kg") or a name ("version 12") never is, nor an ordinal ("the 27th president")
    but the first of something that advice is sought on; an amount with its unit is one only in a
    long text.
    """
    if not items or stand_beside(_DECISIVE, text) or asks_permission(text):
        return False
    if any(item.unit == ORDINAL for item in items):
        return all(item == _FIRST for item in items) and _is_advice_retold(text, other)
    measured = any(item.unit for item in items)
    if is_told_anew(text, other, words=_WORDS_BESIDE_AMOUNT if measured else _WORDS_BESIDE_NUMBER):
        return True
    if measured:
        return False
    said = retelling(text, other)
    return said.differing >= _OTHER_WORDS or (said.lost > 0 and said.differing == _OTHER_WORDS - 1)


def _is_advice_retold(text: Text, other: Text) -> bool:
    return seeks_advice(text, other) and retelling(text, other).differing >= _OTHER_WORDS - 1


def _unmatched(
    asked: tuple[Quantity, ...], stored: tuple[Quantity, ...]
) -> tuple[list[Quantity], list[Quantity]]:
    """What each side has alone. A number without unit is any that has one: INR 30000 (30k)."""
    left = [item for item in dict.fromkeys(asked) if item not in stored]
    right = [item for item in dict.fromkeys(stored) if item not in asked]
    if len(left) > _MOST_NUMBERS or len(right) > _MOST_NUMBERS:
        return left, right
    return (
        [item for item in left if not any(_equal_but_unit(item, other) for other in stored)],
        [item for item in right if not any(_equal_but_unit(item, other) for other in asked)],
    )


def _equal_but_unit(one: Quantity, other: Quantity) -> bool:
    return one.value == other.value and (not one.unit or not other.unit)


def _harmless(item: Quantity, across: list[Quantity], text: Text) -> bool:
    """Whether nothing on the other side, whose text is `text`, speaks against `item`."""
    if item.vague:
        return not across
    if not item.unit and _is_time(str(item.value), text):
        return True
    return item.value == 1 and not across and not text.words.isdisjoint(ONES)


def _is_time(number: str, text: Text) -> bool:
    """Whether `text` has `number` as a year or as a span: 25, where it says 25 years."""
    return any(item.partition(" ")[0] == number for item in facts_of(text).dates)


def _shown(items: list[Quantity] | tuple[Quantity, ...]) -> str:
    return ", ".join(map(str, items)) or "-"
