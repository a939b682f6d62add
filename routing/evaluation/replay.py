"""A stream replayed at many settings at once, in memory. Pure.

What a question finds depends on what was stored before it, and that on the setting; so each point
of the curve is a replay of its own. All of them run side by side, one column each, over the same
ranked neighbours, and ask each guard once for each pair of questions.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from routing.evaluation.neighbours import Earlier, Ranked
from routing.guards import Veto
from routing.layers.semantic import is_rival

Flags = NDArray[np.bool_]
Numbers = NDArray[np.int64]

NO_RIVAL = np.inf


@dataclass(frozen=True, slots=True)
class Columns:
    """The settings that are replayed: parallel arrays. `looks_at` counts nearest entries."""

    min_similarity: NDArray[np.float64]
    min_margin: NDArray[np.float64]
    looks_at: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.min_similarity)


@dataclass(frozen=True, slots=True)
class Material:
    """The stream as the replay needs it.

    `answers` numbers what each question needs. `twins` lists the earlier questions that the exact
    layer takes for the same. `curated` holds the number of the curated answer, -1 without one.
    `veto(asked, stored)` is a guard's objection, `likely(asked, stored, similarity,
    margin)` whether the learned check agrees; None when there is none.
    """

    answers: NDArray[np.int64]
    twins: Sequence[Sequence[int]]
    curated: NDArray[np.int64]
    earlier: Earlier
    veto: Callable[[int, int], Veto | None]
    likely: Callable[[int, int, float, float], bool] | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """Counts of each column."""

    hits: Numbers
    wrong: Numbers


def replay(
    material: Material, columns: Columns, *, on_progress: Callable[[int], None] = lambda _done: None
) -> Outcome:
    """Ask every question in order in every column: look up, else store."""
    questions = len(material.answers)
    stored: Flags = np.zeros((questions, len(columns)), dtype=np.bool_)
    hits: Numbers = np.zeros(len(columns), dtype=np.int64)
    wrong: Numbers = np.zeros(len(columns), dtype=np.int64)
    for row in range(questions):
        needed, curated = material.answers[row], material.curated[row]
        if curated >= 0:
            hits += 1
            wrong += curated != needed
            continue
        served = _exact(material, row, stored)
        open_columns = np.flatnonzero(served < 0)
        if open_columns.size:
            served[open_columns] = _Question(material, columns, row, stored).ask(open_columns)
        hit = served >= 0
        hits += hit
        wrong += hit & (served != needed)
        stored[row] = ~hit
        on_progress(row + 1)
    return Outcome(hits, wrong)


def _exact(material: Material, row: int, stored: Flags) -> Numbers:
    """The answer that the exact layer serves in each column, -1 where it has none."""
    served: Numbers = np.full(stored.shape[1], -1, dtype=np.int64)
    for twin in material.twins[row]:
        served[stored[twin]] = material.answers[twin]
    return served


class _Question:
    """One question in those columns where the exact layer had no answer."""

    def __init__(self, material: Material, columns: Columns, row: int, stored: Flags) -> None:
        self._material = material
        self._columns = columns
        self._row = row
        self._stored = stored
        self._vetoes: dict[int, Veto | None] = {}

    def ask(self, which: Numbers) -> Numbers:
        """The answer that the semantic layer serves in the columns `which`, -1 for none."""
        near = self._material.earlier.listed(self._row)
        served, undecided = self._judge(near, which)
        if undecided.any():
            whole = self._material.earlier.all(self._row)
            served[undecided], _ = self._judge(whole, which[undecided])
        return served

    def _judge(self, near: Ranked, which: Numbers) -> tuple[Numbers, Flags]:
        """What is served, and where `near` was too short a list to tell."""
        served: Numbers = np.full(len(which), -1, dtype=np.int64)
        undecided: Flags = np.zeros(len(which), dtype=np.bool_)
        threshold = self._columns.min_similarity[which]
        if not near.rows.size or near.similarities[0] < threshold.min():
            return served, undecided
        there = self._stored[np.ix_(near.rows, which)]
        rank = np.cumsum(there, axis=0, dtype=np.int32)
        there &= rank <= self._columns.looks_at[which]
        similarities = near.similarities.astype(np.float64)
        full = near.complete | (rank[-1] >= self._columns.looks_at[which])
        best = self._first(near, there, similarities, at_least=threshold, passes=_unopposed)
        undecided |= ~full & (best < 0) & (similarities[-1] >= threshold)
        margin = self._columns.min_margin[which]
        found = np.flatnonzero(best >= 0)
        if not found.size:
            return served, undecided
        closest = similarities[best[found]]
        answers = self._material.answers[near.rows]
        chosen = answers[best[found]]
        behind = np.arange(len(answers)).reshape(-1, 1) > best[found]
        others = there[:, found] & behind & (answers.reshape(-1, 1) != chosen)
        likely = self._material.likely
        bound = closest - margin[found] if likely is None else np.full(len(found), -1.0)
        rival = self._first(near, others, similarities, at_least=bound, passes=_stands_in_the_way)
        undecided[found] |= ~full[found] & (rival < 0) & (similarities[-1] > bound)
        gap = np.where(rival >= 0, closest - similarities[rival], NO_RIVAL)
        kept = gap >= margin[found]
        if likely is not None:
            kept &= self._likely(near, best[found], gap, kept)
        served[found[kept]] = chosen[kept]
        return served, undecided

    def _first(
        self,
        near: Ranked,
        there: Flags,
        similarities: NDArray[np.float64],
        *,
        at_least: NDArray[np.float64],
        passes: Callable[[Veto | None], bool],
    ) -> Numbers:
        """Of those that are `there`, the position of the nearest whose veto `passes`, -1 where none
        is `at_least` so similar."""
        there = there.copy()
        columns = np.arange(there.shape[1])
        while True:
            first = there.argmax(axis=0)
            found = there[first, columns] & (similarities[first] >= at_least)
            positions = np.unique(first[found])
            refused = [
                at for at in positions.tolist() if not passes(self._veto(int(near.rows[at])))
            ]
            if not refused:
                return np.where(found, first, -1)
            there[refused] = False

    def _veto(self, stored: int) -> Veto | None:
        if stored not in self._vetoes:
            self._vetoes[stored] = self._material.veto(self._row, stored)
        return self._vetoes[stored]

    def _likely(self, near: Ranked, best: Numbers, gap: NDArray[np.float64], asked: Flags) -> Flags:
        """Where the learned check agrees, of the columns `asked`."""
        likely = self._material.likely
        assert likely is not None
        known: dict[tuple[int, float], bool] = {}
        agreed: Flags = np.zeros(len(best), dtype=np.bool_)
        for column in np.flatnonzero(asked).tolist():
            key = (int(best[column]), float(gap[column]))
            if key not in known:
                stored, similarity = int(near.rows[key[0]]), float(near.similarities[key[0]])
                known[key] = likely(self._row, stored, similarity, key[1])
            agreed[column] = known[key]
        return agreed


def _unopposed(veto: Veto | None) -> bool:
    return veto is None


def _stands_in_the_way(veto: Veto | None) -> bool:
    return is_rival(veto, nearer=False)
