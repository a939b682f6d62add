"""The facts in one text: its quantities, its words of time and its codes.

One scan finds all three, so that a number belongs to exactly one of the guards: the 5 of "May 5"
is a date, the 12345 of "order 12345" a code, the 5 of "5 kg" a quantity.
"""

from __future__ import annotations

import re
from collections.abc import Set

from msgspec import Struct

from routing.guards import calendar
from routing.guards.figures import ONES, Value, shown
from routing.guards.remember import remembered
from routing.guards.scan import NOTABLE, ORDINAL, VAGUE, Scan
from routing.guards.text import Text

_TRIGGER_WORDS = (NOTABLE - ONES) | {word for word in calendar.UNITS if len(word) > 1}
_TRIGGER_SIGNS = re.compile(r"\d|[@{<\[/\\_#%]|\.\w|[IVXL]{2}")


class Quantity(Struct, frozen=True, gc=False):
    """A number and its unit, "" where none is said. An ordinal is its number.

    `vague`: the number may as well be left out ("top 5", "two" for any plural).
    """

    value: Value
    unit: str = ""
    vague: bool = False

    @property
    def is_bare(self) -> bool:
        """Whether it is a number without unit that cannot be left out."""
        return self.unit in ("", ORDINAL) and not self.vague

    def __str__(self) -> str:
        if self.unit == ORDINAL:
            return "last" if self.value == -1 else f"no. {shown(self.value)}"
        return f"{shown(self.value)} {self.unit}".strip()


class Facts(Struct, frozen=True):
    """What a text says in numbers, dates and codes.

    `claimed` holds the positions of the tokens these stand in.
    """

    quantities: tuple[Quantity, ...] = ()
    dates: frozenset[str] = frozenset()
    identifiers: frozenset[str] = frozenset()
    claimed: frozenset[int] = frozenset()


_NOTHING = Facts()


@remembered
def facts_of(text: Text) -> Facts:
    """The facts in `text`."""
    if text.words.isdisjoint(_TRIGGER_WORDS) and not _TRIGGER_SIGNS.search(text.clean):
        return _NOTHING
    scan = Scan(text)
    scan.read_codes()
    scan.read_tokens()
    quantities = [
        Quantity(value, "", vague=True) if unit == VAGUE else Quantity(value, unit)
        for value, unit in scan.quantities
    ]
    return Facts(
        tuple(quantities),
        frozenset(scan.dates),
        frozenset(scan.identifiers),
        frozenset(scan.claimed),
    )


def stand_beside(words: Set[str], text: Text) -> bool:
    """Whether one of `words` stands right before or behind a number or a word of time."""
    if text.words.isdisjoint(words):
        return False
    claimed = facts_of(text).claimed
    return any(
        token.folded in words
        and not claimed.isdisjoint(range(token.position - 1, token.position + 4))
        for token in text.tokens
    )
