from __future__ import annotations

from typing import Any

import msgspec
import pytest

from routing.layers.place import Place
from routing.layers.semantic import Choice, choose, shown
from routing.store.entries import Candidate
from tests.routing.builders import entry, policy

NOW = 2_000.0


def place(*, min_similarity: float = 0.79, min_margin: float = 0.0) -> Place:
    return Place(
        tenant="uid-acme",
        policy=policy(min_margin=min_margin),
        partition="p1",
        entry_id="asked",
        documents={},
        rests_on={},
        user="",
        language="en",
        embedding_model="minilm@1",
        min_similarity=min_similarity,
        ttl_seconds=3600,
    )


def chosen(near: list[Candidate], where: Place) -> Choice:
    return choose(near, where, query="where is my order", now=NOW, explain=True)


def test_choose__above_threshold__served() -> None:
    choice = chosen(
        [Candidate(entry(), 0.83)], place(), query="where is my order", now=NOW, explain=True
    )

    assert choice.served is not None


def test_choose__below_threshold__says_what_flips_it() -> None:
    choice = choose(
        [Candidate(entry(), 0.7812)], place(), query="where is my order", now=NOW, explain=True
    )

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
    refused = msgspec.structs.replace(entry(), **change)
    choice = choose(
        [Candidate(refused, 0.99), Candidate(entry("Second."), 0.9)],
        place(),
        query="where is my order",
        now=NOW,
        explain=True,
    )

    assert choice.neighbours[0].verdict == verdict
    assert choice.served is not None
    assert choice.served.entry.answer == "Second."


def test_choose__another_answer_too_close__miss() -> None:
    near = [Candidate(entry("Yes."), 0.90), Candidate(entry("No."), 0.85)]

    assert choose(near, place(min_margin=0.1)).reason == "below_min_margin"


def test_choose__only_the_same_answer_close__served() -> None:
    near = [
        Candidate(entry("Yes."), 0.90),
        Candidate(entry("Yes."), 0.89),
        Candidate(entry("No."), 0.5),
    ]

    assert chosen(near, place(min_margin=0.1)).served is near[0]


def test_choose__nothing_stored__says_so() -> None:
    assert chosen([], place()).reason == "nothing_near"


def test_shown__between_two_steps__cut_so_that_the_threshold_admits_it() -> None:
    assert shown(0.812_29) == 0.8122
