"""The whole product as `python -m controlplane.serve` runs it: start, use, crash, stop, start."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import openai
import pytest

from tests.product import Product, layer_of, wait_until

pytestmark = [pytest.mark.model, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory, model_cache_dir: Path) -> Iterator[Product]:
    product = Product(tmp_path_factory.mktemp("product"), models=model_cache_dir)
    try:
        product.start()
        yield product
    finally:
        product.stop()


@pytest.fixture(scope="module")
def client(product: Product) -> Iterator[openai.OpenAI]:
    with product.client(max_retries=8) as client:
        yield client


def test_server__question_repeated_and_rephrased__comes_from_cache(client: openai.OpenAI) -> None:
    assert layer_of(client, "May I bring an elephant on board?") == "none"

    # The answer is kept after it was given, so the next call may come too early.
    wait_until(lambda: layer_of(client, "May I bring an elephant on board?") == "exact", seconds=10)
    assert layer_of(client, "May I bring my elephant on board?") == "semantic"


def test_server__stream__comes_from_cache_too(client: openai.OpenAI) -> None:
    question = "Is there a swimming pool?"
    assert layer_of(client, question, stream=True) == "none"

    wait_until(lambda: layer_of(client, question, stream=True) == "exact", seconds=10)
    assert layer_of(client, "Is there any swimming pool?", stream=True) == "semantic"
    assert layer_of(client, "what is your return policy", stream=True) == "faq"


def test_server__runtime_killed__comes_back(product: Product, client: openai.OpenAI) -> None:
    killed = product.kill("runtime")

    wait_until(lambda: layer_of(client, "May I bring an elephant on board?") == "exact", seconds=30)
    assert killed != product.pid("runtime")


def test_server__stopped_and_started__left_nothing_and_forgot_nothing(
    product: Product, client: openai.OpenAI
) -> None:
    assert product.stop() == []

    product.start()

    assert client.api_key == product.announced.app_key
    assert layer_of(client, "May I bring an elephant on board?") == "exact"
