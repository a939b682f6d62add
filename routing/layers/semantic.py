"""The semantic layer: of the nearest entries, the one that may be served, or none and why.

An entry is served when it fits the place, is similar enough, no guard objects to it, and it stands
clear of the best entry with *another* answer. The last is the ratio test of image matching
(D. Lowe, "Distinctive image features from scale-invariant keypoints", 2004) brought to answers: a
question that lies between two answers gets neither.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from routing.guards import Veto, first_veto
from routing.guards.comparison import Comparison
from routing.guards.text import read_text
from routing.layers.place import LAST_RESORT, RENEWABLE, Place, refusal
from routing.learned import observe, probability
from routing.snapshot import GuardName
from routing.store.entries import Candidate
from routing.types import Entry, Neighbour, StorePlan

SHOWN = 5
NEAREST = 5
NEAREST_FOR_MARGIN = 20
"""A margin needs the best entry with another answer, which may lie behind several re-phrasings."""

_STALE = frozenset({RENEWABLE, LAST_RESORT})
_TELLS_APART = frozenset(
    {
        GuardName.NEVER_MERGE,
        GuardName.LANGUAGE,
        GuardName.LENGTH,
        GuardName.NUMBERS,
        GuardName.DATES,
        GuardName.IDENTIFIERS,
    }
)


@dataclass(frozen=True, slots=True)
class Choice:
    """What is served, or why nothing is.

    `served` may be stale when `stale` says so: it is then to be renewed. `last_resort` may be
    served only if the provider fails. `flips_at`: the min_similarity at which the verdict would
    change. `margin` is infinite without a rival. `guards` vetoed an entry that was similar enough.
    """

    served: Candidate | None
    reason: str
    flips_at: float | None = None
    neighbours: tuple[Neighbour, ...] = ()
    stale: bool = False
    last_resort: Candidate | None = None
    margin: float | None = None
    rival: str = ""
    probability: float | None = None
    guards: tuple[str, ...] = ()


def candidates_needed(place: Place) -> int:
    """How many nearest entries the policy's rules look at."""
    return NEAREST_FOR_MARGIN if compares_answers(place) else NEAREST


def compares_answers(place: Place) -> bool:
    """Whether the policy asks which near entries hold the same answer."""
    return place.policy.min_margin > 0 or place.policy.learned is not None


def choose(
    candidates: Sequence[Candidate],
    place: Place,
    *,
    query: str,
    now: float,
    explain: bool = False,
) -> Choice:
    """The verdict on `candidates` (nearest first) for `query` at `place`.

    With `explain`, the guards are also asked about near entries that the verdict does not need.
    """
    judged = _Judged(candidates, place, query=query, now=now, shows=SHOWN if explain else 1)
    fresh = _verdict(judged, judged.best(stale=False))
    if fresh.served is not None:
        return judged.told(fresh)
    old = judged.best(stale=True)
    if old is None or _verdict(judged, old).served is None:
        return judged.told(fresh)
    if judged.refusals[old] == RENEWABLE:
        return judged.told(_verdict(judged, old), stale=True)
    return judged.told(fresh, last_resort=candidates[old])


def would_share(plan: StorePlan, other: str, *, similarity: float) -> bool:
    """Whether the answer to `other` would be served for the plan's query, if it stood alone."""
    if similarity < plan.min_similarity:
        return False
    comparison = Comparison(
        asked=read_text(plan.query), stored=read_text(other), lexicon=plan.lexicon
    )
    return first_veto(comparison, disabled=plan.disabled_guards) is None


def is_rival(veto: Veto | None, *, nearer: bool) -> bool:
    """Whether an entry with another answer stands in the way of the best, when a guard's `veto`
    took it out as an answer.

    A number, date or code that differs tells two questions apart for certain. Other words do not: a
    question close to two others stays close to both. One that is `nearer` than the best does not
    count either way, lest it hide an acceptable second.
    """
    return veto is None or (not nearer and veto.guard not in _TELLS_APART)


def shown(similarity: float) -> float:
    """`similarity` cut (not rounded) to the four decimals a threshold can have, so that a
    threshold set to the shown value still admits the entry."""
    return math.floor(similarity * 10_000) / 10_000


class _Judged:
    """The candidates of one lookup, each compared with the question at most once."""

    def __init__(
        self,
        candidates: Sequence[Candidate],
        place: Place,
        *,
        query: str,
        now: float,
        shows: int,
    ) -> None:
        self.candidates = candidates
        self._shows = shows
        self.place = place
        self.asked = read_text(query)
        self.refusals = [refusal(item.entry, place, now=now) for item in candidates]
        self._vetoes: dict[int, Veto | None] = {}

    def veto(self, index: int) -> Veto | None:
        if index not in self._vetoes:
            entry = self.candidates[index].entry
            comparison = Comparison(
                asked=self.asked,
                stored=read_text(entry.query),
                answer_language=entry.answer_language,
                lexicon=self.place.lexicon,
            )
            disabled = self.place.policy.disabled_guards
            self._vetoes[index] = first_veto(comparison, disabled=disabled)
        return self._vetoes[index]

    def best(self, *, stale: bool) -> int | None:
        """The nearest entry that fits the place and that no guard objects to."""
        for index, refused in enumerate(self.refusals):
            if (refused in _STALE if stale else not refused) and self.veto(index) is None:
                return index
        return None

    def rival(self, best: int) -> int | None:
        """The nearest entry with another answer than `best` that stands in its way."""
        served = self.candidates[best].entry
        for index, refused in enumerate(self.refusals):
            entry = self.candidates[index].entry
            if (
                not _same_answer(entry, served)
                and (not refused or refused in _STALE)
                and is_rival(self.veto(index), nearer=index < best)
            ):
                return index
        return None

    def reference(self, index: int) -> str:
        entry = self.candidates[index].entry
        return f"{entry.partition}.{entry.entry_id}"

    def told(
        self, choice: Choice, *, stale: bool = False, last_resort: Candidate | None = None
    ) -> Choice:
        """`choice` with all that is known of the neighbours."""
        guards = dict.fromkeys(
            veto.guard.value
            for index, veto in self._vetoes.items()
            if veto and self._similar_enough(index)
        )
        reason = choice.reason
        if guards and reason in ("nothing_near", "below_min_similarity"):
            reason = f"guard_{next(iter(guards))}"
        return Choice(
            served=choice.served,
            reason=reason,
            flips_at=choice.flips_at,
            neighbours=tuple(map(self._neighbour, range(min(self._shows, len(self.candidates))))),
            stale=stale,
            last_resort=last_resort,
            margin=choice.margin,
            rival=choice.rival,
            probability=choice.probability,
            guards=tuple(guards),
        )

    def _similar_enough(self, index: int) -> bool:
        return self.candidates[index].similarity >= self.place.min_similarity

    def _neighbour(self, index: int) -> Neighbour:
        verdict, detail = self.refusals[index], ""
        if not verdict and not self._similar_enough(index):
            verdict = "below_min_similarity"
        if not verdict and (veto := self.veto(index)):
            verdict, detail = f"guard_{veto.guard}", veto.detail
        return Neighbour(
            entry=self.reference(index),
            similarity=shown(self.candidates[index].similarity),
            verdict=verdict or "fits",
            detail=detail,
        )


def _same_answer(one: Entry, other: Entry) -> bool:
    if one.group and other.group:
        return one.group == other.group
    return (one.answer, one.message) == (other.answer, other.message)


def _verdict(judged: _Judged, best: int | None) -> Choice:
    """Whether the best entry may be served by threshold, margin and learned check."""
    if best is None:
        return Choice(None, "nothing_near")
    place, candidate = judged.place, judged.candidates[best]
    flips_at = shown(candidate.similarity)
    if candidate.similarity < place.min_similarity:
        return Choice(None, "below_min_similarity", flips_at)
    margin, rival, chance = math.inf, "", None
    if compares_answers(place):
        found = judged.rival(best)
        if found is not None:
            margin = candidate.similarity - judged.candidates[found].similarity
            rival = judged.reference(found)
    reason = "below_min_margin" if margin < place.policy.min_margin else ""
    if place.policy.learned is not None:
        seen = observe(
            judged.asked, read_text(candidate.entry.query), similarity=candidate.similarity,
            margin=margin,
        )  # fmt: skip
        chance = probability(place.policy.learned, seen)
        # This way round, so that what is no number at all is not served either.
        if not chance >= place.policy.learned.min_probability:
            reason = reason or "below_min_probability"
    served = None if reason else candidate
    return Choice(served, reason, flips_at, margin=margin, rival=rival, probability=chance)
