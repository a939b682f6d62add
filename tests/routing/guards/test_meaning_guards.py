"""The guards of what words mean, by cases of invented sentences."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TypedDict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from routing.guards import GUARDS, first_veto
from routing.guards.comparison import Comparison, Lexicon
from routing.guards.lexicon import lexicon_of
from routing.guards.text import read_text
from routing.snapshot import GuardName, LexiconConfig, NeverMerge

CASES = Path(__file__).parent / "cases"
MEANING_GUARDS = (
    GuardName.NEGATION,
    GuardName.OPPOSITES,
    GuardName.QUESTION_TYPE,
    GuardName.SLOTS,
    GuardName.LANGUAGE,
)

VOCABULARY = """
how do i can not don't without no why when where who which many much is there the a my order card
enable disable turn on off from to Paris London buy sell longest tallest account cancel , . ? ¿
cómo cuándo quién cuántos no sin el la más menos largo alto mi pedido cuenta activar desactivar
de a por que wine tea shop
"""
WORDS = st.sampled_from(VOCABULARY.split())
SENTENCES = st.lists(WORDS, max_size=12).map(" ".join) | st.text(max_size=60)


class Case(TypedDict):
    why: str
    asked: str
    stored: str
    vetoed: bool


def compare(asked: str, stored: str, *, lexicon: Lexicon | None = None) -> Comparison:
    return Comparison(
        asked=read_text(asked), stored=read_text(stored), lexicon=lexicon or Lexicon()
    )


def cases_of(guard: GuardName) -> list[Case]:
    rows: list[Case] = json.loads((CASES / f"{guard}.json").read_text(encoding="utf-8"))
    return rows


ALL_CASES = [
    pytest.param(guard, case, id=f"{guard}: {case['why']}")
    for guard in MEANING_GUARDS
    for case in cases_of(guard)
]


@pytest.mark.parametrize(("guard", "case"), ALL_CASES)
def test_meaning_guard__golden_case__vetoes_or_not(guard: GuardName, case: Case) -> None:
    detail = GUARDS[guard](compare(case["asked"], case["stored"]))

    assert bool(detail) is case["vetoed"], detail


@pytest.mark.parametrize(("guard", "case"), ALL_CASES)
def test_meaning_guard__sides_exchanged__same_verdict(guard: GuardName, case: Case) -> None:
    detail = GUARDS[guard](compare(case["stored"], case["asked"]))

    assert bool(detail) is case["vetoed"], detail


@pytest.mark.parametrize("guard", MEANING_GUARDS)
@given(sentence=SENTENCES)
def test_meaning_guard__text_against_itself__no_veto(guard: GuardName, sentence: str) -> None:
    assert GUARDS[guard](compare(sentence, sentence)) == ""


@pytest.mark.parametrize("guard", MEANING_GUARDS)
@given(asked=SENTENCES, stored=SENTENCES)
def test_meaning_guard__any_two_texts__symmetric(guard: GuardName, asked: str, stored: str) -> None:
    here, there = GUARDS[guard](compare(asked, stored)), GUARDS[guard](compare(stored, asked))

    assert bool(here) == bool(there)


def test_slots__other_filling__detail_shows_both() -> None:
    detail = GUARDS[GuardName.SLOTS](compare("open a gold account", "open a silver account"))

    assert detail == "gold | silver"


def test_slots__words_the_tenant_calls_alike__no_veto() -> None:
    lexicon = lexicon_of(LexiconConfig(alike=(("gold", "premium"),)))

    comparison = compare("open a gold account", "open a premium account", lexicon=lexicon)

    assert GUARDS[GuardName.SLOTS](comparison) == ""


def test_slots__words_the_tenant_sets_apart__vetoed_in_any_wording() -> None:
    lexicon = lexicon_of(LexiconConfig(apart=(("basic", "premium"),)))

    comparison = compare(
        "What does the basic plan cost?", "Tell me the fee of premium", lexicon=lexicon
    )

    assert GUARDS[GuardName.SLOTS](comparison) == "basic | premium"


def test_slots__expressions_the_tenant_calls_alike__no_veto() -> None:
    lexicon = lexicon_of(LexiconConfig(alike=(("gold plan", "premium"),)))

    comparison = compare("cancel my gold plan", "cancel my premium", lexicon=lexicon)

    assert GUARDS[GuardName.SLOTS](comparison) == ""


def test_slots__expressions_the_tenant_sets_apart__vetoed() -> None:
    lexicon = lexicon_of(LexiconConfig(apart=(("data roaming", "voice"),)))

    comparison = compare("Is data roaming included?", "Is voice included?", lexicon=lexicon)

    assert GUARDS[GuardName.SLOTS](comparison) == "data roaming | voice"


def test_slots__set_apart_in_another_form__vetoed() -> None:
    lexicon = lexicon_of(LexiconConfig(apart=(("bond", "share"),)))

    comparison = compare("How are bonds taxed?", "How are shares taxed?", lexicon=lexicon)

    assert GUARDS[GuardName.SLOTS](comparison) == "bond | share"


def test_opposites__pair_of_the_tenant__vetoed_both_ways() -> None:
    lexicon = lexicon_of(LexiconConfig(opposites=(("freeze", "release"),)))
    asked, stored = "How do I freeze my card?", "How do I release my card?"

    here = GUARDS[GuardName.OPPOSITES](compare(asked, stored, lexicon=lexicon))
    there = GUARDS[GuardName.OPPOSITES](compare(stored, asked, lexicon=lexicon))

    assert (here, there) == ("freeze | release", "release | freeze")


def test_language__answer_in_another__vetoed() -> None:
    question = read_text("How do I cancel my order?")

    comparison = Comparison(asked=question, stored=question, answer_language="es")

    assert GUARDS[GuardName.LANGUAGE](comparison) == "en | es"


@pytest.mark.parametrize(
    ("asked", "stored"),
    [
        ("Where is my order?", "where is my invoice"),
        ("WHERE IS MY INVOICE?", "Where is my order!"),
    ],
)
def test_never_merge__pair_of_the_tenant__vetoed_even_when_disabled(
    asked: str, stored: str
) -> None:
    pair = NeverMerge(a="Where is my order?", b="Where is my invoice?")
    lexicon = lexicon_of(LexiconConfig(), never_merge=(pair,))

    veto = first_veto(compare(asked, stored, lexicon=lexicon), disabled=tuple(GuardName))

    assert veto is not None
    assert veto.guard is GuardName.NEVER_MERGE


def test_never_merge__other_questions__no_veto() -> None:
    pair = NeverMerge(a="Where is my order?", b="Where is my invoice?")
    lexicon = lexicon_of(LexiconConfig(), never_merge=(pair,))

    comparison = compare("Where is my order?", "Where is the order?", lexicon=lexicon)

    assert GUARDS[GuardName.NEVER_MERGE](comparison) == ""
