from __future__ import annotations

import math
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from routing.guards.text import read_text
from routing.learned import FEATURES, observe, probability
from routing.snapshot import LearnedCheck


def check(**coefficients: float) -> LearnedCheck:
    names = tuple(coefficients)
    return LearnedCheck(
        min_probability=0.9,
        features=names,
        means=(0.5,) * len(names),
        scales=(0.1,) * len(names),
        coefficients=tuple(coefficients.values()),
        intercept=0.0,
        trained_at=datetime(2026, 3, 2, tzinfo=UTC),
        pairs=200,
    )


def observed(asked: str, stored: str, *, margin: float = 0.1) -> dict[str, float]:
    return dict(observe(read_text(asked), read_text(stored), similarity=0.8, margin=margin))


def test_observe__any_texts__every_feature_of_training() -> None:
    assert set(FEATURES) < set(observed("Where is it?", ""))


def test_observe__same_text__everything_shared() -> None:
    seen = observed("How do I cancel my order?", "How do I cancel my order?")

    shares = ("shared_of_asked", "content_of_stored", "trigrams", "bigrams", "same_opening")
    assert {seen[name] for name in shares} == {1.0}
    assert seen["unmatched"] == 0


def test_observe__longer_text__its_own_share_is_smaller() -> None:
    seen = observed("cancel order", "cancel order placed yesterday evening")

    assert seen["shared_of_asked"] == 1.0
    assert seen["shared_of_stored"] == 0.4
    assert seen["length_ratio"] == 0.4


def test_observe__inflected_word__counts_as_content_in_common() -> None:
    seen = observed("cancelling the orders", "cancel the order")

    assert seen["content_of_asked"] == 1.0
    assert seen["shared_of_asked"] < 0.5


def test_observe__no_rival__finite_margin() -> None:
    assert observed("a", "b", margin=math.inf)["margin"] == 1.0


@given(st.text(max_size=60), st.text(max_size=60))
def test_observe__any_two_texts__finite_and_shares_between_nought_and_one(
    asked: str, stored: str
) -> None:
    seen = observed(asked, stored)

    assert all(math.isfinite(value) for value in seen.values())
    assert all(0 <= seen[name] <= 1 for name in seen.keys() - {"unmatched", "words"})


@pytest.mark.parametrize(
    ("similarity", "expected"), [(0.5, 0.5), (0.6, 1 / (1 + math.exp(-2))), (-1e9, 0.0)]
)
def test_probability__one_feature__logistic_of_what_is_scaled(
    similarity: float, expected: float
) -> None:
    assert probability(check(similarity=2.0), {"similarity": similarity}) == pytest.approx(expected)


def test_probability__feature_not_observed__counts_as_average() -> None:
    assert probability(check(unheard_of=5.0), {"similarity": 0.9}) == 0.5
