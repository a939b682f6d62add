from __future__ import annotations

from typing import Any

import pytest

from routing.ledger import (
    Cost,
    OpenAIUsage,
    PromptTokensDetails,
    avoided_cost,
    completion_cost,
    usage_from_openai,
    usd,
)
from routing.prices import Usage
from routing.snapshot import PriceConfig
from routing.telemetry.events import Avoided
from routing.types import Answer
from tests.routing.builders import price

PRICES = {"gpt-5-mini": price("gpt-5-mini")}


def price_of(model: str) -> PriceConfig | None:
    return PRICES.get(model)


def answer(**changes: Any) -> Answer:
    values: dict[str, Any] = {
        "text": "eight by",
        "layer": "exact",
        "similarity": 1.0,
        "entry_id": "p.e",
        "age_seconds": 5,
        "ttl_seconds": 60,
        "model": "gpt-5-mini",
        "usage": Usage(input_tokens=100, output_tokens=10),
        "cost_nanousd": 7,
    }
    return Answer(**(values | changes))


def test_usage__openai_counts__cached_tokens_taken_out_of_the_prompt() -> None:
    usage = OpenAIUsage(
        prompt_tokens=2006,
        completion_tokens=3,
        prompt_tokens_details=PromptTokensDetails(cached_tokens=1920, cache_write_tokens=64),
    )

    assert usage_from_openai(usage) == Usage(
        input_tokens=22,
        output_tokens=3,
        cache_read_input_tokens=1920,
        cache_write_5m_input_tokens=64,
    )


def test_usage__older_models__nothing_cached() -> None:
    usage = OpenAIUsage(prompt_tokens=20, completion_tokens=3)

    assert usage_from_openai(usage) == Usage(input_tokens=20, output_tokens=3)


@pytest.mark.parametrize("models", [("gpt-5-mini",), ("gpt-5-mini-2025", "", "gpt-5-mini")])
def test_completion_cost__known_model__first_price_found(models: tuple[str, ...]) -> None:
    usage = Usage(input_tokens=100, output_tokens=10)

    cost = completion_cost(usage, models=models, price_of=price_of)

    assert cost == Cost(nanousd=100 * 250 + 10 * 2000)


def test_completion_cost__unknown_model__nothing_and_unpriced() -> None:
    cost = completion_cost(Usage(input_tokens=1), models=("other",), price_of=price_of)

    assert cost == Cost(nanousd=0, priced=False)


@pytest.mark.parametrize("layer", ["exact", "semantic"])
def test_avoided_cost__stored_answer__its_tokens_at_todays_price(layer: Any) -> None:
    avoided, priced = avoided_cost(
        answer(layer=layer), prompt_bytes=0, models=(), price_of=price_of
    )

    assert (avoided, priced) == (Avoided(**{layer: 45_000}), True)


def test_avoided_cost__model_without_price__the_cost_of_then() -> None:
    avoided, priced = avoided_cost(
        answer(model="gone"), prompt_bytes=0, models=("gone",), price_of=price_of
    )

    assert (avoided, priced) == (Avoided(exact=7), False)


def test_avoided_cost__curated_answer__estimated_at_four_bytes_a_token() -> None:
    avoided, _ = avoided_cost(
        answer(layer="faq", usage=Usage()),
        prompt_bytes=41,
        models=("gpt-5-mini",),
        price_of=price_of,
    )

    assert avoided == Avoided(faq=11 * 250 + 2 * 2000)


@pytest.mark.parametrize(
    ("nanousd", "text"),
    [(0, "0.000000000"), (1, "0.000000001"), (1_234_567_890, "1.234567890"), (-5, "-0.000000005")],
)
def test_usd__whole_nanodollars__exact_decimal(nanousd: int, text: str) -> None:
    assert usd(nanousd) == text
