from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from routing.follow_up import is_follow_up


@pytest.mark.parametrize(
    "query",
    [
        "And for the other one?",
        "What about Spain?",
        "How long does that take?",
        "Can you do it in blue?",
        "Tell me more",
        "Can you give me an example?",
        "Please explain in more detail",
        "Translate to Spanish please",
        "Are you sure about your answer?",
        "What did I ask you before?",
        "Why?",
        "Yes",
        "the second option please",
        "¿Y para el otro?",
        "¿Cuánto cuesta eso?",
        "también en francés",
        "¿Me das un ejemplo?",
        "Hazlo más corto",
    ],
)
def test_is_follow_up__rests_on_earlier_turns__true(query: str) -> None:
    assert is_follow_up(query)


@pytest.mark.parametrize(
    "query",
    [
        "How do I cancel my order?",
        "Where can I download an invoice?",
        "¿Cómo cancelo un pedido?",
        "The order came yesterday but its box was damaged, so I want to send it back to you today.",
    ],
)
def test_is_follow_up__names_what_it_is_about__false(query: str) -> None:
    assert not is_follow_up(query)


def test_is_follow_up__short_question_in_a_language_without_lists__true() -> None:
    assert is_follow_up("Und was kostet der andere?", language="de")


def test_is_follow_up__long_question_in_a_language_without_lists__false() -> None:
    query = (
        "Wie kann ich eine Bestellung stornieren, die ich gestern Abend in der App gemacht habe?"
    )

    assert not is_follow_up(query, language="de")


@given(st.text())
def test_is_follow_up__any_text__answers(query: str) -> None:
    assert is_follow_up(query) in (True, False)
