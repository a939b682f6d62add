from __future__ import annotations

import numpy as np

from routing.evaluation.neighbours import Earlier

EAST, NORTH, NORTH_EAST, NOTHING = (1.0, 0.0), (0.0, 1.0), (0.6, 0.8), (0.0, 0.0)


def earlier(
    *rows: tuple[float, float], parts: tuple[int, ...] = (), floor: float = -1.0, listed: int = 10
) -> Earlier:
    vectors = np.array(rows, dtype=np.float32)
    return Earlier(vectors, parts=parts or (0,) * len(rows), floor=floor, listed=listed)


def test_listed__several_before__nearest_first() -> None:
    ranked = earlier(EAST, NORTH, NORTH_EAST).listed(2)

    assert ranked.rows.tolist() == [1, 0]
    assert np.allclose(ranked.similarities, [0.8, 0.6])


def test_listed__first_question__none_before() -> None:
    assert earlier(EAST, EAST).listed(0).rows.size == 0


def test_listed__other_part__left_out() -> None:
    assert earlier(EAST, NORTH, EAST, parts=(0, 1, 1)).listed(2).rows.tolist() == [1]


def test_listed__question_without_vector__is_nobodys_neighbour() -> None:
    assert earlier(NOTHING, EAST).listed(1).rows.size == 0


def test_listed__below_the_floor__left_out() -> None:
    assert earlier(EAST, NORTH, EAST, floor=0.5).listed(2).rows.tolist() == [0]


def test_listed__more_than_are_listed__says_that_it_is_not_complete() -> None:
    ranked = earlier(EAST, NORTH_EAST, EAST, listed=1).listed(2)

    assert (ranked.rows.tolist(), ranked.complete) == ([0], False)


def test_all__more_than_are_listed__every_one_before() -> None:
    ranked = earlier(EAST, NORTH_EAST, EAST, EAST, listed=1).all(2)

    assert (ranked.rows.tolist(), ranked.complete) == ([0, 1], True)


def test_listed__questions_of_several_blocks__as_of_one() -> None:
    generator = np.random.default_rng(7)
    rows = generator.normal(size=(1100, 4)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    near = Earlier(rows, parts=[0] * 1100, floor=0.0, listed=5)

    listed = [near.listed(row).rows.tolist() for row in range(1100)]

    assert all(listed[row] == near.all(row).rows.tolist()[:5] for row in (3, 511, 512, 1099))
