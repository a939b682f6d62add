from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from routing.normalize import normalize_query, normalize_question

CASES = json.loads((Path(__file__).parent / "cases" / "normalize_question.json").read_text())


@pytest.mark.parametrize("case", CASES, ids=[case["why"] for case in CASES])
def test_normalize_question__golden_case__expected_form(case: dict[str, str]) -> None:
    assert normalize_question(case["text"], case["language"]) == case["is"]


@given(st.text(), st.sampled_from(["en", "es", "de"]))
def test_normalize_question__normalised_text__unchanged(text: str, language: str) -> None:
    once = normalize_question(text, language)

    assert normalize_question(once, language) == once


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_normalize_query__normalised_text__unchanged(text: str) -> None:
    once = normalize_query(text)

    assert normalize_query(once) == once


@pytest.mark.parametrize(
    ("one", "other"),
    [("1.5 kg", "15 kg"), ("foo", "Foo"), ("a\nb", "a b"), ("if x:\n  y", "if x:\n    y")],
)
def test_normalize_query__difference_that_may_matter__kept(one: str, other: str) -> None:
    assert normalize_query(one) != normalize_query(other)


def test_normalize_query__spaces_of_one_line__collapsed() -> None:
    assert normalize_query("  where is\tmy  order ") == "where is my order"
