from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest

from routing.evaluation.neighbours import Earlier
from routing.evaluation.replay import Columns, Material, Outcome, replay
from routing.guards import Veto
from routing.snapshot import GuardName


def at_degrees(*angles: float) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    """Unit vectors whose cosine is that of the angle between them."""
    rows = [(math.cos(math.radians(angle)), math.sin(math.radians(angle))) for angle in angles]
    return np.array(rows, dtype=np.float32)


def replayed(
    *questions: tuple[float, int],
    min_similarity: float = 0.8,
    min_margin: float = 0.0,
    looks_at: int = 20,
    listed: int = 50,
    vetoed: int | None = None,
    by: GuardName = GuardName.SLOTS,
    twins: tuple[tuple[int, ...], ...] = (),
    curated: tuple[int, ...] = (),
    likely: Callable[[int, int, float, float], bool] | None = None,
) -> Outcome:
    """Questions are an angle and the number of the answer they need; to the one in row `vetoed` a
    guard objects whatever is asked."""
    count = len(questions)
    vectors = at_degrees(*(angle for angle, _ in questions))
    return replay(
        Material(
            answers=np.array([answer for _, answer in questions]),
            twins=twins or [()] * count,
            curated=np.array(curated or [-1] * count),
            earlier=Earlier(vectors, parts=[0] * count, floor=-1.0, listed=listed),
            veto=lambda _asked, stored: Veto(by, "differs") if stored == vetoed else None,
            likely=likely,
        ),
        Columns(np.array([min_similarity]), np.array([min_margin]), np.array([looks_at])),
    )


def counts(outcome: Outcome) -> tuple[int, int]:
    return int(outcome.hits[0]), int(outcome.wrong[0])


def test_replay__rephrasing__right_hit() -> None:
    assert counts(replayed((0, 1), (10, 1))) == (1, 0)


def test_replay__look_alike__wrong_hit() -> None:
    assert counts(replayed((0, 1), (10, 2))) == (1, 1)


def test_replay__hit__not_stored() -> None:
    # 30 degrees are too far from the first question, and the second was never stored.
    assert counts(replayed((0, 1), (30, 1), (60, 1), min_similarity=0.86)) == (1, 0)


def test_replay__other_answer_close__no_hit_below_the_margin() -> None:
    questions = ((0, 1), (40, 2), (21, 2))

    assert counts(replayed(*questions, min_margin=0.05)) == (0, 0)
    assert counts(replayed(*questions)) == (1, 0)


def test_replay__same_answer_close__no_rival() -> None:
    assert counts(replayed((0, 1), (40, 1), (20, 1), min_margin=0.3)) == (1, 0)


def test_replay__rival_farther_than_what_is_looked_at__not_seen() -> None:
    questions = ((0, 1), (41, 1), (-50, 2), (19, 1))

    assert counts(replayed(*questions, min_margin=0.9, looks_at=2)) == (1, 0)
    assert counts(replayed(*questions, min_margin=0.9)) == (0, 0)


def test_replay__nearest_vetoed__next_one_served() -> None:
    served = replayed((0, 2), (60, 1), (29, 1), vetoed=0)

    assert counts(served) == (1, 0)


@pytest.mark.parametrize(("by", "hits"), [(GuardName.SLOTS, 0), (GuardName.IDENTIFIERS, 1)])
def test_replay__vetoed_entry_close_behind__rival_unless_told_apart_for_certain(
    by: GuardName, hits: int
) -> None:
    served = replayed((0, 1), (40, 2), (19, 1), min_margin=0.05, vetoed=1, by=by)

    assert counts(served) == (hits, 0)


def test_replay__vetoed_entry_nearer_than_the_best__no_rival() -> None:
    assert counts(replayed((0, 2), (60, 1), (29, 1), min_margin=0.01, vetoed=0)) == (1, 0)


def test_replay__short_list__the_rest_is_looked_up() -> None:
    questions = ((0, 2), (60, 1), (29, 1))

    served = replayed(*questions, listed=1, vetoed=0)

    assert counts(served) == (1, 0)


def test_replay__short_list_hides_the_rival__the_rest_is_looked_up() -> None:
    assert counts(replayed((0, 1), (40, 2), (19, 2), min_margin=0.05, listed=1)) == (0, 0)


def test_replay__equal_text__exact_hit_below_every_threshold() -> None:
    served = replayed((0, 1), (90, 1), twins=((), (0,)), min_similarity=0.99)

    assert counts(served) == (1, 0)


@pytest.mark.parametrize(("curated", "wrong"), [(1, 0), (2, 1)])
def test_replay__curated_answer__hit_that_is_right_by_its_id(curated: int, wrong: int) -> None:
    assert counts(replayed((0, 1), curated=(curated,))) == (1, wrong)


def test_replay__learned_check_disagrees__no_hit() -> None:
    seen: list[tuple[int, int, float, float]] = []

    def likely(asked: int, stored: int, similarity: float, margin: float) -> bool:
        seen.append((asked, stored, round(similarity, 2), margin))
        return False

    assert counts(replayed((0, 1), (10, 1), likely=likely)) == (0, 0)
    assert seen == [(1, 0, 0.98, math.inf)]


def test_replay__several_columns__each_its_own_story() -> None:
    vectors = at_degrees(0, 30, 60)
    material = Material(
        answers=np.array([1, 1, 1]),
        twins=[()] * 3,
        curated=np.array([-1] * 3),
        earlier=Earlier(vectors, parts=[0] * 3, floor=-1.0),
        veto=lambda _asked, _stored: None,
    )
    columns = Columns(np.array([0.4, 0.8, 0.9]), np.zeros(3), np.full(3, 20))

    assert replay(material, columns).hits.tolist() == [2, 1, 0]
