from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from routing.layers.place import Place
from routing.layers.semantic import Choice, choose, shown
from routing.snapshot import LearnedCheck
from routing.store.entries import Candidate
from tests.routing.builders import entry, policy

NOW = 2_000.0


def place(**rules: Any) -> Place:
    ruling = policy(**rules)
    return Place(
        tenant="uid-acme",
        policy=ruling,
        partition="p1",
        entry_id="asked",
        documents={},
        rests_on={},
        user="",
        embedding_model="minilm@1",
        min_similarity=ruling.min_similarity,
        ttl_seconds=3600,
    )


def near(similarity: float, answer: str = "In the app.", **changes: Any) -> Candidate:
    return Candidate(entry(answer, **changes), similarity)


def chosen(*candidates: Candidate, **rules: Any) -> Choice:
    return choose(candidates, place(**rules), query="where is my order", now=NOW, explain=True)


def test_choose__above_threshold__served() -> None:
    assert chosen(near(0.83)).served is not None


def test_choose__below_threshold__says_what_flips_it() -> None:
    choice = chosen(near(0.7812))

    assert (choice.reason, choice.flips_at) == ("below_min_similarity", 0.7812)


@pytest.mark.parametrize(
    ("change", "verdict"),
    [
        ({"tenant": "uid-globex"}, "other_partition"),
        ({"partition": "p2"}, "other_partition"),
        ({"policy": "policy-other"}, "other_scope"),
        ({"user": "ana"}, "other_scope"),
        ({"documents": {"help": "1"}}, "other_document_version"),
        ({"expires": 1_999}, "expired"),
        ({"created": -3_000}, "expired"),
    ],
)
def test_choose__entry_that_may_not_be_served__next_one_is(
    change: dict[str, Any], verdict: str
) -> None:
    refused = Candidate(msgspec.structs.replace(entry(), **change), 0.99)
    choice = chosen(refused, near(0.9, "Second."))

    assert choice.neighbours[0].verdict == verdict
    assert choice.served is not None
    assert choice.served.entry.answer == "Second."


def test_choose__guard_objects_to_the_nearest__second_is_served() -> None:
    other_order = near(0.97, "On its way.", query="where is my order 4711")
    choice = chosen(other_order, near(0.9, "In the app."))

    assert choice.served is not None
    assert choice.served.entry.answer == "In the app."
    assert choice.guards


def test_choose__guard_objects_to_all__reason_names_it() -> None:
    choice = chosen(near(0.97, query="where is my order 4711"))

    assert choice.served is None
    assert choice.reason == f"guard_{choice.guards[0]}"


def test_choose__another_answer_too_close__miss() -> None:
    choice = chosen(near(0.90, "Yes."), near(0.85, "No."), min_margin=0.1)

    assert (choice.reason, choice.rival) == ("below_min_margin", "p1.e1")


def test_choose__another_answer_to_another_number__no_rival() -> None:
    other_order = near(0.89, "On its way.", query="where is my order 4711")

    assert chosen(near(0.90), other_order, min_margin=0.1).served is not None


def test_choose__another_answer_that_words_tell_apart__rival_all_the_same() -> None:
    negated = near(0.89, "It was not sent.", query="where is my order not")

    choice = chosen(near(0.90), negated, min_margin=0.1)

    assert (choice.reason, choice.rival) == ("below_min_margin", "p1.e1")


def test_choose__nearer_entry_vetoed__no_rival_of_the_second() -> None:
    negated = near(0.95, "It was not sent.", query="where is my order not")

    assert chosen(negated, near(0.90), min_margin=0.02).served is not None


def test_choose__same_answer_group_close__no_rival() -> None:
    again = near(0.89, "It is in our app.", group="g1")

    assert chosen(near(0.90, group="g1"), again, min_margin=0.1).served is not None


def test_choose__only_the_same_answer_close__served() -> None:
    close = (near(0.90, "Yes."), near(0.89, "Yes."), near(0.79, "No."))

    assert chosen(*close, min_margin=0.1).served is close[0]


def learned(*, intercept: float = 0.0, scale: float = 1.0) -> LearnedCheck:
    return LearnedCheck(
        min_probability=0.9,
        features=("similarity",),
        means=(0.83,),
        scales=(scale,),
        coefficients=(1.0,),
        intercept=intercept,
        trained_at=datetime(2026, 3, 2, tzinfo=UTC),
        pairs=200,
    )


def test_choose__learned_check_sure__served() -> None:
    assert chosen(near(0.83), learned=learned(intercept=5.0)).served is not None


def test_choose__learned_check_unsure__miss() -> None:
    choice = chosen(near(0.83), learned=learned(intercept=-5.0))

    assert (choice.served, choice.reason) == (None, "below_min_probability")


@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")
def test_choose__learned_check_gives_no_number__miss() -> None:
    assert chosen(near(0.83), learned=learned(scale=0.0)).served is None


def test_choose__nothing_stored__says_so() -> None:
    assert chosen().reason == "nothing_near"


def test_choose__expired_within_grace__served_stale() -> None:
    choice = chosen(near(0.9, expires=1_990, grace_seconds=60), stale_seconds=60)

    assert choice.served is not None
    assert choice.stale


def test_choose__fresh_one_behind_a_stale_one__fresh_is_served() -> None:
    stale = near(0.95, "Old.", expires=1_990, grace_seconds=60)
    choice = chosen(stale, near(0.9, "New."), stale_seconds=60)

    assert choice.served is not None
    assert choice.served.entry.answer == "New."
    assert not choice.stale


def test_choose__expired_beyond_renewal__last_resort_only() -> None:
    late = near(0.9, expires=1_990, grace_seconds=600)
    choice = chosen(late, stale_seconds=5, stale_if_error_seconds=600)

    assert choice.served is None
    assert choice.last_resort is late


@given(st.floats(min_value=0, max_value=1))
def test_shown__any_similarity__never_above_it(similarity: float) -> None:
    assert shown(similarity) <= similarity


def test_shown__between_two_steps__cut_so_that_the_threshold_admits_it() -> None:
    assert shown(0.812_29) == 0.8122
