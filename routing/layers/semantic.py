"""The semantic layer: of the nearest entries, the one that may be served, or none and why."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from routing.layers.place import Place, refusal
from routing.store.entries import Candidate
from routing.types import Neighbour

NEAREST = 5
NEAREST_FOR_MARGIN = 20
"""A margin needs the best entry with another answer, which may lie behind several re-phrasings."""


@dataclass(frozen=True, slots=True)
class Choice:
    """`served` or `reason`. `flips_at`: the min_similarity at which the verdict would change."""

    served: Candidate | None
    reason: str
    flips_at: float | None
    neighbours: tuple[Neighbour, ...]


def candidates_needed(place: Place) -> int:
    """How many nearest entries the policy's rules look at."""
    return NEAREST_FOR_MARGIN if place.policy.min_margin > 0 else NEAREST


def choose(candidates: Sequence[Candidate], place: Place, *, now: float) -> Choice:
    """The nearest entry that fits `place`, if it is similar enough and stands clear of the best
    entry with another answer by the policy's margin."""
    verdicts: list[Neighbour] = []
    fitting: list[Candidate] = []
    for candidate in candidates:
        verdict = refusal(candidate.entry, place, now=now)
        if not verdict:
            fitting.append(candidate)
            if candidate.similarity < place.min_similarity:
                verdict = "below_min_similarity"
        verdicts.append(
            Neighbour(
                entry=f"{candidate.entry.partition}.{candidate.entry.entry_id}",
                similarity=shown(candidate.similarity),
                verdict=verdict or "fits",
            )
        )
    neighbours = tuple(verdicts[:NEAREST])
    if not fitting:
        return Choice(None, "nothing_near", None, neighbours)
    best = fitting[0]
    flips_at = shown(best.similarity)
    if best.similarity < place.min_similarity:
        return Choice(None, "below_min_similarity", flips_at, neighbours)
    if _margin(best, fitting) < place.policy.min_margin:
        return Choice(None, "below_min_margin", flips_at, neighbours)
    return Choice(best, "", flips_at, neighbours)


def shown(similarity: float) -> float:
    """`similarity` cut (not rounded) to the four decimals a threshold can have, so that a
    threshold set to the shown value still admits the entry."""
    return math.floor(similarity * 10_000) / 10_000


def _margin(best: Candidate, fitting: Sequence[Candidate]) -> float:
    rival = next((item for item in fitting if item.entry.answer != best.entry.answer), None)
    return math.inf if rival is None else best.similarity - rival.similarity
