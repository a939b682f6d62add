"""Which earlier questions of a stream are near a question, nearest first. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

LISTED = 192
"""So many of the nearest are kept for each question; the few that need more are looked up."""

_BLOCK = 512
_NOBODY = np.float32(-2.0)


@dataclass(frozen=True, slots=True)
class Ranked:
    """Rows of earlier questions and their cosines, nearest first.

    `complete`: there are no others from the floor upwards.
    """

    rows: NDArray[np.int32]
    similarities: NDArray[np.float32]
    complete: bool


class Earlier:
    """The earlier questions of the same part, from a `floor` of similarity upwards.

    `vectors` holds one L2-normalised row a question, of zeros where a question has none; questions
    of one number in `parts` may share answers.
    """

    def __init__(
        self,
        vectors: NDArray[np.float32],
        *,
        parts: Sequence[int],
        floor: float,
        listed: int = LISTED,
    ) -> None:
        self._vectors = vectors
        self._parts = np.asarray(parts, dtype=np.int32)
        self._has_vector: NDArray[np.bool_] = np.asarray(vectors.any(axis=1), dtype=np.bool_)
        self._floor = floor
        self._listed = listed
        self._start = self._end = 0
        self._rows: NDArray[np.int32] = np.empty((0, 0), dtype=np.int32)
        self._similarities: NDArray[np.float32] = np.empty((0, 0), dtype=np.float32)
        self._counts: NDArray[np.int64] = np.empty(0, dtype=np.int64)

    def listed(self, row: int) -> Ranked:
        """The nearest of those before `row`. Rows are asked for in order."""
        if row >= self._end:
            self._rank(row)
        at, count = row - self._start, int(self._counts[row - self._start])
        shown = min(count, self._rows.shape[1])
        return Ranked(self._rows[at, :shown], self._similarities[at, :shown], count == shown)

    def all(self, row: int) -> Ranked:
        """All of those before `row`."""
        similarities = self._compared(row, row + 1)[0, :row]
        near = np.flatnonzero(similarities >= self._floor)
        order = near[np.argsort(-similarities[near], kind="stable")]
        return Ranked(order.astype(np.int32), similarities[order], complete=True)

    def _rank(self, start: int) -> None:
        end = min(start + _BLOCK, len(self._vectors))
        similarities = self._compared(start, end)
        width = min(self._listed, end)
        nearest = np.argpartition(-similarities, width - 1, axis=1)[:, :width]
        values = np.take_along_axis(similarities, nearest, axis=1)
        order = np.lexsort((nearest, -values), axis=1)
        self._rows = np.take_along_axis(nearest, order, axis=1).astype(np.int32)
        self._similarities = np.take_along_axis(values, order, axis=1)
        self._counts = (similarities >= self._floor).sum(axis=1)
        self._start, self._end = start, end

    def _compared(self, start: int, end: int) -> NDArray[np.float32]:
        """Cosines of rows `start` to `end` with all rows before `end`; -2 where they may not share
        an answer."""
        similarities: NDArray[np.float32] = self._vectors[start:end] @ self._vectors[:end].T
        np.minimum(similarities, np.float32(1), out=similarities)
        parts, has_vector = self._parts, self._has_vector
        similarities[np.arange(start, end).reshape(-1, 1) <= np.arange(end)] = _NOBODY
        similarities[parts[start:end].reshape(-1, 1) != parts[:end]] = _NOBODY
        similarities[~has_vector[start:end]] = _NOBODY
        similarities[:, ~has_vector[:end]] = _NOBODY
        return similarities
