"""What a call costs by the sandbox's own account."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from routing.sandbox.meter import OPENAI_PRICES, ListPrice, TokenCount, call_cost_nanousd
from tests.sandbox.conftest import Sandbox

LONG = "Answer kindly and briefly. " * 300


def test_cost__every_kind_of_token__adds_up() -> None:
    tokens = TokenCount(
        input_tokens=22, cache_read_tokens=1920, cache_write_tokens=64, output_tokens=3
    )

    assert call_cost_nanousd(tokens, OPENAI_PRICES["gpt-5.6-luna"]) == 62_400


@pytest.mark.parametrize(("tokens", "cost"), [(1, 1), (2, 1), (3, 2)])
def test_cost__half_a_nanousd__rounds_up_once_per_call(tokens: int, cost: int) -> None:
    price = ListPrice(input=Decimal("0.0005"), output=Decimal(0), cache_read=Decimal(0))

    assert call_cost_nanousd(TokenCount(tokens, output_tokens=0), price) == cost


def test_meter__whole_and_streamed_calls__agrees_with_their_usage(sandbox: Sandbox) -> None:
    whole = sandbox.ask("How do I pay?", model="gpt-4o")
    with_usage = {"include_usage": True}
    *_, last = sandbox.ask("How do I pay?", stream=True, stream_options=with_usage)

    total = sandbox.meter()["total"]

    assert total["calls"] == 2
    assert total["input_tokens"] == whole.usage.prompt_tokens + last.usage.prompt_tokens
    assert total["output_tokens"] == whole.usage.completion_tokens + last.usage.completion_tokens


def test_meter__total__is_the_sum_of_the_models(sandbox: Sandbox) -> None:
    for model in ("gpt-4o", "gpt-4o-mini", "o3"):
        sandbox.ask("How do I pay?", model=model)

    meter = sandbox.meter()

    costs = [account["cost_nanousd"] for account in meter["models"].values()]
    assert len(costs) == 3
    assert meter["total"]["cost_nanousd"] == sum(costs)


def test_prompt_cache__same_long_prefix__second_call_reads_it(sandbox: Sandbox) -> None:
    usages = [_ask_long(sandbox, question) for question in ("How do I pay?", "Where are you?")]

    assert [usage.prompt_tokens_details.cached_tokens for usage in usages] == [0, 1792]


def test_prompt_cache__newer_model__bills_the_write(sandbox: Sandbox) -> None:
    usage = _ask_long(sandbox, "How do I pay?", model="gpt-5.6-luna")

    assert usage.prompt_tokens_details.cache_write_tokens == 1792
    account = sandbox.meter()["models"]["gpt-5.6-luna"]
    assert account["cache_write_input_tokens"] == 1792
    assert account["input_tokens"] == usage.prompt_tokens - 1792


def _ask_long(sandbox: Sandbox, question: str, *, model: str = "gpt-4o") -> Any:
    messages = [{"role": "system", "content": LONG}, {"role": "user", "content": question}]
    return sandbox.ask(question, model=model, messages=messages).usage
