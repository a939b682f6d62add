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
        "Why?",
        "Yes",
        "the second option please",
        "¿Y para el otro?",
        "¿Cuánto cuesta eso?",
        "también en francés",
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


@given(st.text())
def test_is_follow_up__any_text__answers(query: str) -> None:
    assert is_follow_up(query) in (True, False)
