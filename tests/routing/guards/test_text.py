from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from routing.guards.text import read_text


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        ("Don't cancel!", ["don't", "cancel"]),
        ("I don\u2019t know", ["i", "don't", "know"]),
        ("C++ or C#?", ["c++", "or", "c#"]),
        ("1,234.56 at 10:30", ["1,234.56", "at", "10:30"]),
        ("the U.S. at 5 p.m.", ["the", "us", "at", "5", "pm"]),
        ("¿Cuál es el año?", ["cual", "es", "el", "ano"]),
        ("10² is 100", ["10", "2", "is", "100"]),
        ("", []),
    ],
)
def test_read_text__raw_text__folded_words(raw: str, words: list[str]) -> None:
    assert [token.folded for token in read_text(raw).tokens] == words


@pytest.mark.parametrize(
    ("raw", "language"),
    [
        ("How do I cancel my order?", "en"),
        ("como cancelo mi pedido por favor", "es"),
        ("¿Quién?", "es"),
        ("Wie kann ich meine Bestellung stornieren", "de"),
        ("Comment puis-je annuler ma commande", "fr"),
        ("Как отменить заказ", "ru"),
        ("注文をキャンセルする", "ja"),
        ("banana", ""),
        ("", ""),
    ],
)
def test_read_text__no_language_given__guessed(raw: str, language: str) -> None:
    assert read_text(raw).language == language


def test_read_text__language_given__kept() -> None:
    assert read_text("How do I cancel?", language="es").language == "es"


def test_read_text__first_word_of_a_sentence__opens() -> None:
    tokens = read_text("Stop. Call Ann now").tokens

    assert [token.opens for token in tokens] == [True, True, False, False]


@given(st.text())
def test_read_text__any_text__tokens_stand_where_they_say(raw: str) -> None:
    text = read_text(raw)

    assert [token.position for token in text.tokens] == list(range(len(text.tokens)))
    assert all(text.clean[token.start : token.end] for token in text.tokens)
