"""The guards of numbers, dates, codes, names and length, by cases of invented sentences."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TypedDict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from routing.guards import GUARDS
from routing.guards.comparison import Comparison
from routing.guards.text import READ_LIMIT, read_text
from routing.snapshot import GuardName

CASES = Path(__file__).parent / "cases"
FACT_GUARDS = (
    GuardName.NUMBERS,
    GuardName.DATES,
    GuardName.IDENTIFIERS,
    GuardName.ENTITIES,
    GuardName.LENGTH,
)

VOCABULARY = """
how do i cancel order 48 hours $20 20 dollars two twice first Paris London Ann NASA May june 2016
10:30 am #123 v2.1 AB-12345 a@b.com {{Name}} monday mañana 5kg 1,500 1.5 XIV -5 % " of el dos
tercera último mes pasado EE. UU. y media half a
"""
WORDS = st.sampled_from(VOCABULARY.split())
SENTENCES = st.lists(WORDS, max_size=12).map(" ".join) | st.text(max_size=60)


class Case(TypedDict):
    why: str
    asked: str
    stored: str
    vetoed: bool


def compare(asked: str, stored: str) -> Comparison:
    return Comparison(asked=read_text(asked), stored=read_text(stored))


def cases_of(guard: GuardName) -> list[Case]:
    rows: list[Case] = json.loads((CASES / f"{guard}.json").read_text(encoding="utf-8"))
    return rows


ALL_CASES = [
    pytest.param(guard, case, id=f"{guard}: {case['why']}")
    for guard in FACT_GUARDS
    for case in cases_of(guard)
]


@pytest.mark.parametrize(("guard", "case"), ALL_CASES)
def test_fact_guard__golden_case__vetoes_or_not(guard: GuardName, case: Case) -> None:
    detail = GUARDS[guard](compare(case["asked"], case["stored"]))

    assert bool(detail) is case["vetoed"], detail


@pytest.mark.parametrize(("guard", "case"), ALL_CASES)
def test_fact_guard__sides_exchanged__same_verdict(guard: GuardName, case: Case) -> None:
    detail = GUARDS[guard](compare(case["stored"], case["asked"]))

    assert bool(detail) is case["vetoed"], detail


@pytest.mark.parametrize("guard", FACT_GUARDS)
@given(sentence=SENTENCES)
def test_fact_guard__text_against_itself__no_veto(guard: GuardName, sentence: str) -> None:
    assert GUARDS[guard](compare(sentence, sentence)) == ""


@pytest.mark.parametrize("guard", FACT_GUARDS)
@given(asked=SENTENCES, stored=SENTENCES)
def test_fact_guard__any_two_texts__symmetric(guard: GuardName, asked: str, stored: str) -> None:
    here, there = GUARDS[guard](compare(asked, stored)), GUARDS[guard](compare(stored, asked))

    assert bool(here) == bool(there)


def test_numbers__other_amount__detail_shows_both() -> None:
    detail = GUARDS[GuardName.NUMBERS](compare("Return 5 kg", "Return 7.5 kg"))

    assert detail == "5 kilogram | 7.5 kilogram"


def test_dates__deadline_on_one_side__detail_shows_it() -> None:
    detail = GUARDS[GuardName.DATES](compare("Can I cancel after 48 hours?", "Can I cancel?"))

    assert detail == "2 day | -"


@pytest.mark.parametrize("guard", FACT_GUARDS)
@pytest.mark.parametrize(
    "unit", ["7", "1.", "12 ", "a-", "a.", "_", "/-", "#1", '"a" ', "{", "1:2:", "Ann ", "two "]
)
def test_fact_guard__monotonous_long_text__answers(guard: GuardName, unit: str) -> None:
    long = unit * READ_LIMIT

    assert GUARDS[guard](compare(long, long)) == ""


def test_length__beyond_what_is_read__vetoed() -> None:
    long = "word " * READ_LIMIT

    assert GUARDS[GuardName.LENGTH](compare(long + "yes", long + "no")) != ""
