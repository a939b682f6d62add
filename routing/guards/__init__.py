"""Guards: what may object to serving a stored answer although the questions look alike.

Each guard compares the question asked with the stored one and vetoes when they need different
answers: another number, date, name, a negation. In doubt about such a thing it vetoes, since a
wrong answer is worse than ten misses. Guards are pure functions of two texts.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from types import MappingProxyType

from msgspec import Struct

from routing.guards import (
    dates,
    entities,
    identifiers,
    language,
    length,
    negation,
    never_merge,
    numbers,
    opposites,
    question_type,
    slots,
)
from routing.guards.comparison import Comparison, Guard
from routing.snapshot import GuardName

GUARDS: Mapping[GuardName, Guard] = MappingProxyType(
    {
        GuardName.NEVER_MERGE: never_merge.never_merge,
        GuardName.LANGUAGE: language.language,
        GuardName.LENGTH: length.length,
        GuardName.NUMBERS: numbers.numbers,
        GuardName.DATES: dates.dates,
        GuardName.IDENTIFIERS: identifiers.identifiers,
        GuardName.ENTITIES: entities.entities,
        GuardName.NEGATION: negation.negation,
        GuardName.QUESTION_TYPE: question_type.question_type,
        GuardName.OPPOSITES: opposites.opposites,
        GuardName.SLOTS: slots.slots,
    }
)
"""Every guard by name, cheap ones first."""

_ALWAYS_ON = frozenset({GuardName.NEVER_MERGE})
"""Set by a person for two questions; no policy switches it off."""


class Veto(Struct, frozen=True):
    """One guard's objection. `detail` says what differs, asked before stored."""

    guard: GuardName
    detail: str


def first_veto(comparison: Comparison, *, disabled: Collection[GuardName] = ()) -> Veto | None:
    """The first objection of the guards that are not `disabled`; None when there is none."""
    for name, guard in GUARDS.items():
        if (name not in disabled or name in _ALWAYS_ON) and (detail := guard(comparison)):
            return Veto(name, detail)
    return None


def all_vetoes(comparison: Comparison, *, disabled: Collection[GuardName] = ()) -> tuple[Veto, ...]:
    """Every objection of the guards that are not `disabled`, in the order of `GUARDS`."""
    return tuple(
        Veto(name, detail)
        for name, guard in GUARDS.items()
        if (name not in disabled or name in _ALWAYS_ON) and (detail := guard(comparison))
    )
