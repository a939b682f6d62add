"""OpenAI's embeddings as its official client sees them."""

from __future__ import annotations

from typing import Any

import httpx
import numpy as np
import openai
import pytest
from numpy.typing import NDArray

from tests.sandbox.conftest import Sandbox

MODEL = "text-embedding-3-small"


def embed(sandbox: Sandbox, text: str, **options: Any) -> NDArray[np.float64]:
    answer = sandbox.client.embeddings.create(model=MODEL, input=text, **options)
    return np.array(answer.data[0].embedding)


def test_embeddings__many_texts__one_unit_vector_each_in_order(sandbox: Sandbox) -> None:
    texts = ["How do I pay?", "Where is my parcel?"]

    answer = sandbox.client.embeddings.create(model=MODEL, input=texts)

    assert [row.index for row in answer.data] == [0, 1]
    assert [len(row.embedding) for row in answer.data] == [1536, 1536]
    assert np.linalg.norm(answer.data[0].embedding) == pytest.approx(1.0, abs=1e-5)
    assert answer.data[1].embedding == pytest.approx(embed(sandbox, texts[1]))


def test_embeddings__shorter_asked_for__as_long_as_asked(sandbox: Sandbox) -> None:
    assert embed(sandbox, "How do I pay?", dimensions=256).shape == (256,)


def test_embeddings__numbers_asked_for__same_as_base64(sandbox: Sandbox) -> None:
    answer = sandbox.client.embeddings.create(
        model=MODEL, input="How do I pay?", encoding_format="float"
    )

    assert answer.data[0].embedding == pytest.approx(embed(sandbox, "How do I pay?"), abs=1e-6)


def test_embeddings__rephrasing__nearer_than_another_question(sandbox: Sandbox) -> None:
    asked = embed(sandbox, "How do I cancel my order?")
    rephrased = embed(sandbox, "I want to cancel orders, how?")
    other = embed(sandbox, "What are the opening hours on Sunday?")

    assert asked @ rephrased > 0.8 > 0.3 > asked @ other


def test_embeddings__answered__billed_at_the_models_price(sandbox: Sandbox) -> None:
    answer = sandbox.client.embeddings.create(model=MODEL, input="How do I pay?")

    assert answer.usage.prompt_tokens == 5
    assert sandbox.meter()["models"][MODEL] == {
        "calls": 1,
        "input_tokens": 5,
        "cache_read_input_tokens": 0,
        "cache_write_input_tokens": 0,
        "output_tokens": 0,
        "cost_nanousd": 100,
    }


def test_embeddings__unknown_model__not_found(sandbox: Sandbox) -> None:
    with pytest.raises(openai.NotFoundError):
        sandbox.client.embeddings.create(model="gpt-4o", input="How do I pay?")


@pytest.mark.parametrize(
    ("model", "dimensions"), [(MODEL, 1537), (MODEL, 0), ("text-embedding-ada-002", 512)]
)
def test_embeddings__dimensions_it_has_not__bad_request(
    sandbox: Sandbox, model: str, dimensions: int
) -> None:
    with pytest.raises(openai.BadRequestError):
        sandbox.client.embeddings.create(model=model, input="Hello", dimensions=dimensions)


@pytest.mark.parametrize("text", ["", "word " * 9000])
def test_embeddings__text_it_does_not_read__bad_request(sandbox: Sandbox, text: str) -> None:
    with pytest.raises(openai.BadRequestError):
        sandbox.client.embeddings.create(model=MODEL, input=text)


@pytest.mark.parametrize("body", [b"", b"{", b'{"model":"text-embedding-3-small","input":[]}'])
def test_embeddings__malformed_body__bad_request(sandbox: Sandbox, body: bytes) -> None:
    answer = httpx.post(
        f"{sandbox.url}/v1/embeddings", content=body, headers={"authorization": "Bearer k"}
    )

    assert answer.status_code == 400


def test_embeddings__fault_drawn__refused_and_not_billed(sandbox: Sandbox) -> None:
    sandbox.control(rate_limit_rate=1.0)

    with pytest.raises(openai.RateLimitError):
        embed(sandbox, "How do I pay?")

    assert sandbox.meter()["errors"] == {"429": 1}
