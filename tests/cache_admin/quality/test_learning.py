from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest

from cache_admin.errors import NotAllowed
from cache_admin.quality.learning import Observed, judge, learn
from routing.learned import FEATURES, probability

NOW = datetime(2026, 3, 2, tzinfo=UTC)
UNMATCHED = FEATURES.index("unmatched")


def observed(*, similarity: float, unmatched: float, right: bool, group: str) -> Observed:
    values = dict.fromkeys(FEATURES, 0.5) | {"similarity": similarity, "unmatched": unmatched}
    return Observed(tuple(values[name] for name in FEATURES), right, group)


def pairs(count: int, *, groups: int = 40, right_share: float = 0.5) -> list[Observed]:
    """Pairs of every similarity that are right when few words are unmatched."""
    random = np.random.default_rng(3)
    made = []
    for number in range(count):
        right = number < count * right_share
        made.append(
            observed(
                similarity=float(random.uniform(0.6, 1.0)),
                unmatched=float(random.normal(0.4 if right else 1.6, 0.4)),
                right=right,
                group=f"stored {number % groups}",
            )
        )
    return made


def test_learn__words_tell_and_similarity_does_not__better_than_similarity() -> None:
    held_out = learn(pairs(400), min_similarity=0.79, now=NOW).held_out

    assert held_out.auc > 0.95
    assert held_out.auc_similarity < 0.65


def test_learn__coefficients__give_the_same_probability_in_the_runtime() -> None:
    check = learn(pairs(400), min_similarity=0.79, now=NOW).check

    likely = probability(check, dict.fromkeys(FEATURES, 0.5) | {"unmatched": 0.2})
    unlikely = probability(check, dict.fromkeys(FEATURES, 0.5) | {"unmatched": 2.0})

    assert likely > 0.9 > 0.1 > unlikely


def test_learn__feature_that_never_varies__no_influence_and_no_division_by_nought() -> None:
    check = learn(pairs(400), min_similarity=0.79, now=NOW).check

    at = FEATURES.index("trigrams")
    assert (check.coefficients[at], check.scales[at]) == (0.0, 1.0)


def test_learn__same_pairs__same_check() -> None:
    one = learn(pairs(300), min_similarity=0.79, now=NOW)

    assert learn(pairs(300), min_similarity=0.79, now=NOW) == one


def test_learn__one_stored_question_only__still_held_out() -> None:
    assert learn(pairs(300, groups=1), min_similarity=0.79, now=NOW).held_out.auc > 0.95


@pytest.mark.parametrize(("count", "right_share"), [(199, 0.5), (300, 0.95), (300, 0.05), (0, 0)])
def test_learn__too_few__refused(count: int, right_share: float) -> None:
    with pytest.raises(NotAllowed, match="200"):
        learn(pairs(count, right_share=right_share), min_similarity=0.79, now=NOW)


def test_judge__threshold_and_check__both_needed_for_a_hit() -> None:
    right = np.array([True, True, False, False])
    similarity = np.array([0.9, 0.7, 0.9, 0.7])

    held_out = judge(np.array([0.9, 0.9, 0.4, 0.4]), similarity, right, min_similarity=0.79)

    at_half = held_out.points[0]
    assert (held_out.without.precision, held_out.without.recall) == (0.5, 0.5)
    assert (at_half.hits, at_half.precision, at_half.recall, at_half.kept) == (1, 1.0, 0.5, 1.0)


def test_judge__probability_as_good_as_chance__what_similarity_alone_could_do() -> None:
    right = np.array([True, False, True, False])
    similarity = np.array([0.9, 0.7, 0.85, 0.6])

    held_out = judge(np.full(4, 0.5), similarity, right, min_similarity=0.5)

    assert held_out.points[0].precision == 0.5
    assert (held_out.auc, held_out.auc_similarity) == (0.5, 1.0)
    assert held_out.points[0].recall_by_similarity == 1.0


def test_judge__half_promised_and_half_right__well_calibrated() -> None:
    right = np.array([True, False] * 50)

    held_out = judge(np.full(100, 0.5), np.full(100, 0.9), right, min_similarity=0.5)

    assert (held_out.calibration_error, held_out.brier) == (0.0, 0.25)


def test_judge__few_hits__nothing_suggested() -> None:
    right = np.array([True] * 10 + [False] * 10)

    held_out = judge(right.astype(float), np.full(20, 0.9), right, min_similarity=0.5)

    assert held_out.suggested is None


def test_judge__precise_over_many_hits__lowest_probability_suggested() -> None:
    right = np.array([True] * 40 + [False] * 40)
    probabilities = np.where(right, 0.75, 0.55)

    held_out = judge(probabilities, np.full(80, 0.9), right, min_similarity=0.5)

    assert held_out.suggested == 0.6
