"""The overview shows what the client itself counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.calls import ask, is_accepted
from tests.browser.pages import PHONE_WIDTH, Console
from tests.product import Product, wait_until

_COUNT_LINES = """(elements) => elements.map((element) => {
  const text = document.createRange();
  text.selectNodeContents(element);
  return new Set([...text.getClientRects()].map((line) => line.top)).size;
})"""
CHARTS = ("Calls", "Hits by layer", "Hit rate", "Cost and cost avoided")


@pytest.fixture(scope="module")
def overview(browser: Browser, product: Product, login: Any) -> Iterator[Console]:
    """The window of someone who looks after the new tenant `acme`."""
    with browser.new_context(storage_state=login) as context:
        console = Console(context, url=product.announced.console_url, slug="acme")
        create_tenant(console)
        create_faq(console)
        yield console


@pytest.fixture(scope="module")
def counted(overview: Console, product: Product) -> Counter[str]:
    """Calls by layer as the client counted them. The overview stands open and shows as many."""
    calls = Counter[str]()
    with product.client(app_key=overview.create_key("Shop"), max_retries=5) as client:
        wait_until(lambda: is_accepted(client), seconds=2)
        for _ in range(4):
            for question in ("When do you open?", "Is there a lift?", "Do you mend radios?"):
                calls[ask(client, question).layer] += 1
    wait_until(lambda: shown_calls(overview) == calls.total(), seconds=20)
    return calls


def test_overview__faq_and_provider__both_answered(counted: Counter[str]) -> None:
    assert counted["faq"] == 4
    assert counted["exact"] > 0
    assert counted["none"] > 0


def test_tiles__calls_made__hits_are_the_clients(overview: Console, counted: Counter[str]) -> None:
    assert overview.tile("Hits") == str(counted.total() - counted["none"])


def test_tiles__calls_made__hit_rate_is_the_clients(
    overview: Console, counted: Counter[str]
) -> None:
    hits = counted.total() - counted["none"]

    assert overview.tile("Hit rate") == f"{Decimal(100 * hits) / counted.total():.1f}%"


def test_calls_table__calls_made__sums_are_the_clients(
    overview: Console, counted: Counter[str]
) -> None:
    total, misses = counted.total(), counted["none"]

    assert overview.sums_under("Calls") == [total, total - misses, misses]


def test_layers_table__calls_made__sums_are_the_clients(
    overview: Console, counted: Counter[str]
) -> None:
    by_layer = [counted[layer] for layer in ("faq", "exact", "semantic")]

    assert overview.sums_under("Hits by layer") == by_layer


@pytest.mark.parametrize("title", CHARTS)
def test_chart__calls_made__drawn(overview: Console, counted: Counter[str], title: str) -> None:
    chart = overview.card(title).get_by_role("img", name=title)

    expect(chart.locator("svg.main-svg").first).to_be_visible()


@pytest.mark.parametrize("title", CHARTS)
def test_chart__calls_made__has_its_figures_in_a_table(
    overview: Console, counted: Counter[str], title: str
) -> None:
    assert overview.card(title).locator("tbody tr").count() > 0


def test_charts__span_changed__drawn_again_in_place(
    overview: Console, counted: Counter[str]
) -> None:
    overview.page.evaluate("window.samePage = true")
    overview.main.get_by_role("link", name="30 days").click()

    expect(overview.main.get_by_text("sums are daily")).to_be_visible()
    expect(overview.page.locator(".chart svg.main-svg").first).to_be_visible()
    assert overview.page.evaluate("window.samePage")


def test_charts__theme_changed__painted_for_it(overview: Console, counted: Counter[str]) -> None:
    mark = overview.page.locator(".chart .xtick text").first
    colour = "(text) => getComputedStyle(text).fill"
    light = mark.evaluate(colour)

    overview.page.get_by_role("button", name="Dark", exact=True).click()

    expect(mark).not_to_have_css("fill", light)


def test_charts__drawn__nothing_refused(overview: Console, counted: Counter[str]) -> None:
    assert overview.heard.complaints == []


def test_charts__phone_in_spanish__fit_its_width(phone: Console, counted: Counter[str]) -> None:
    phone.visit("t/acme/")

    expect(phone.page.locator(".chart svg.main-svg").last).to_be_visible()
    assert phone.width <= PHONE_WIDTH


def test_tiles__phone_in_spanish__every_figure_on_one_line(
    phone: Console, counted: Counter[str]
) -> None:
    phone.visit("t/acme/")

    lines = phone.page.locator(".tile-value").evaluate_all(_COUNT_LINES)
    assert lines == [1] * len(lines)


def create_tenant(console: Console) -> None:
    console.visit("tenants/new/")
    console.field("Name").fill("Acme")
    console.field("Short name").fill("acme")
    console.press("Create tenant")


def create_faq(console: Console) -> None:
    console.open("faqs/new/")
    console.field("Question").fill("When do you open?")
    console.field("Answer").fill("At nine.")
    console.press("Create FAQ")


def shown_calls(overview: Console) -> int:
    overview.open()
    return int(overview.tile("Calls")) if overview.main.locator(".tile").count() else 0
