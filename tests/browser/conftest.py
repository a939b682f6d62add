"""A headless Chromium on the whole product."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openai
import pytest
from playwright.sync_api import Browser, BrowserContext, sync_playwright

from tests.browser.pages import PHONE, Console
from tests.product import Product

_ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


_CHROMIUM = shutil.which("chromium")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if item.path.is_relative_to(here):
            item.add_marker(pytest.mark.browser)
            item.add_marker(pytest.mark.model)
            if _CHROMIUM is None:
                # The name makes each reason another one: equal ones are reported as a number.
                item.add_marker(pytest.mark.skip(f"no chromium on PATH for {item.name}"))


# Playwright keeps an event loop running in this thread, which tests of other folders could not
# stand: everything here ends with the folder.
@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=_CHROMIUM, args=list(_ARGUMENTS))
        yield browser
        browser.close()


@pytest.fixture(scope="package")
def product(
    browser: Browser, tmp_path_factory: pytest.TempPathFactory, model_cache_dir: Path
) -> Iterator[Product]:
    """The product, with a provider that answers at once."""
    product = Product(tmp_path_factory.mktemp("product"), models=model_cache_dir)
    try:
        product.start()
        product.set_sandbox(latency_ms=0, token_latency_ms=0)
        yield product
    finally:
        product.stop()


@pytest.fixture(scope="package")
def client(product: Product) -> Iterator[openai.OpenAI]:
    """The official client with the demo tenant's key."""
    with product.client() as client:
        yield client


@pytest.fixture(scope="package")
def login(browser: Browser, product: Product) -> Any:
    """The cookies of someone who is logged in."""
    with browser.new_context() as context:
        console = Console(context, url=product.announced.console_url)
        console.log_in(product.announced.username, product.announced.password)
        return context.storage_state()


@pytest.fixture
def visitor(browser: Browser, product: Product) -> Iterator[Console]:
    """A window of someone who is not logged in."""
    with browser.new_context(locale="en-GB") as context:
        yield from _quiet(context, product)


@pytest.fixture
def console(browser: Browser, product: Product, login: Any) -> Iterator[Console]:
    """A window of someone who is logged in."""
    with browser.new_context(locale="en-GB", storage_state=login) as context:
        yield from _quiet(context, product)


@pytest.fixture(scope="package")
def phone(browser: Browser, product: Product, login: Any) -> Iterator[Console]:
    """A narrow window of someone who reads Spanish and prefers dark pages."""
    with browser.new_context(storage_state=login, **PHONE) as context:
        yield Console(context, url=product.announced.console_url)


def _quiet(context: BrowserContext, product: Product) -> Iterator[Console]:
    """A window in which, whatever the test does, no page may complain."""
    context.set_default_timeout(10_000)
    console = Console(context, url=product.announced.console_url)
    yield console
    assert console.heard.complaints == []
