"""One running product for all tests here; each leaves it as able as it found it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx2
import openai
import pytest

from tests.e2e.operators import App, management_key, new_tenant, operators_api
from tests.product import Product


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All of it needs the embedding model and the patience for processes to come back."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.model)
            item.add_marker(pytest.mark.timeout(240))


@pytest.fixture(scope="package")
def product(tmp_path_factory: pytest.TempPathFactory, model_cache_dir: Path) -> Iterator[Product]:
    product = Product(tmp_path_factory.mktemp("product"), models=model_cache_dir)
    try:
        product.start()
        product.set_sandbox(latency_ms=0, token_latency_ms=0)
        yield product
    finally:
        product.stop()


@pytest.fixture
def client(product: Product) -> Iterator[openai.OpenAI]:
    """An app of the demo tenant."""
    with product.client() as client:
        yield client


@pytest.fixture(scope="package")
def demo_api(product: Product) -> Iterator[httpx2.Client]:
    """The operators' API of the demo tenant."""
    with operators_api(product, "demo", key=management_key(product, "demo")) as api:
        yield api


@pytest.fixture(scope="package")
def globex(product: Product) -> Iterator[App]:
    """A second tenant, made over HTTP, with an app and an operator of its own."""
    with new_tenant(product, "globex") as app:
        yield app
