"""Every page on a phone, in Spanish and in the dark."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import expect

from tests.browser.pages import PHONE_WIDTH, Console
from tests.console.pages import PAGES
from tests.product import Product

PATHS = ("tenants/", "tenants/new/", *(f"t/demo/{page.path}" for page in PAGES))
_FIND_LINKS = "(links) => links.map((link) => link.pathname)"
_LOOK = """() => ({
  language: document.documentElement.lang,
  background: getComputedStyle(document.body).backgroundColor,
})"""
# The button within a date field takes the focus from the field, with the browser's own outline.
_FOCUSED = """() => {
  const element = document.activeElement;
  const style = getComputedStyle(element);
  const within = element.type === "date" && !element.matches(":focus");
  return {
    name: element.outerHTML.split(">")[0],
    target: element.getAttribute("href") ?? "",
    in_sight: element.getBoundingClientRect().top >= 0,
    outlined: within || style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0,
  };
}"""


@dataclass(frozen=True, slots=True)
class Focus:
    """Where the keyboard is, and whether one can see that."""

    name: str
    target: str
    in_sight: bool
    outlined: bool


@dataclass(frozen=True, slots=True)
class Visit:
    """What a visit to one page showed; `width` is the page's, in CSS pixels."""

    language: str
    background: str
    width: int
    complaints: tuple[str, ...]
    hosts: frozenset[str]
    first_stop: Focus


@pytest.fixture(scope="module")
def ids(phone: Console, product: Product) -> dict[str, str]:
    """The id of one object of every kind."""
    product.manage("invalidate", "demo", "--tag", "order:1")
    phone.open("events/secrets/new/")
    phone.press("Crear secreto")
    lists = {
        "policy": "policies",
        "faq": "faqs",
        "document": "documents",
        "key": "keys",
        "revision": "revisions",
        "pair": "matching",
        "invalidation": "invalidations",
        "rule": "events",
    }
    secret = {"secret": id_in_list(phone, "events/secrets", page="events")}
    return secret | {kind: id_in_list(phone, name) for kind, name in lists.items()}


@pytest.fixture(scope="module", params=PATHS, ids=lambda path: path.removeprefix("t/demo/"))
def visit(phone: Console, ids: dict[str, str], request: pytest.FixtureRequest) -> Visit:
    phone.heard.clear()
    phone.visit(request.param.format(**ids))
    look, width = phone.page.evaluate(_LOOK), phone.width
    phone.page.keyboard.press("Tab")
    return Visit(
        **look,
        width=width,
        complaints=tuple(phone.heard.complaints),
        hosts=frozenset(phone.heard.hosts),
        first_stop=focus(phone),
    )


def test_page__phone__needs_no_sideways_scrolling(visit: Visit) -> None:
    assert visit.width <= PHONE_WIDTH


def test_page__spanish_preferred__in_spanish(visit: Visit) -> None:
    assert visit.language == "es"


def test_page__dark_preferred__dark(visit: Visit) -> None:
    red, green, blue = re.findall(r"\d+", visit.background)

    assert max(int(red), int(green), int(blue)) < 64


def test_page__loaded__no_error_and_nothing_refused(visit: Visit) -> None:
    assert visit.complaints == ()


def test_page__loaded__no_other_host_asked(visit: Visit, product: Product) -> None:
    assert visit.hosts == {urlsplit(product.announced.console_url).netloc}


def test_page__first_tab__skip_link_in_sight(visit: Visit) -> None:
    assert visit.first_stop.target == "#main"
    assert visit.first_stop.in_sight
    assert visit.first_stop.outlined


def test_skip_link__followed__focus_in_the_body(phone: Console) -> None:
    phone.open("policies/")
    phone.page.keyboard.press("Tab")
    phone.page.keyboard.press("Enter")

    expect(phone.main).to_be_focused()


@pytest.mark.parametrize("path", ["policies/{policy}/", "faqs/{faq}/", "revisions/", "events/"])
def test_page__tabbed_through__every_stop_outlined(
    phone: Console, ids: dict[str, str], path: str
) -> None:
    phone.open(path.format(**ids))
    stops = list(tab_through(phone))

    assert [stop.name for stop in stops if not (stop.outlined and stop.in_sight)] == []


def id_in_list(console: Console, name: str, *, page: str = "") -> str:
    """The first id of a row or revision that a link on the page leads to."""
    console.open(f"{page or name}/")
    paths = console.page.locator("main a[href]").evaluate_all(_FIND_LINKS)
    found = (re.search(rf"/{name}/([a-z2-7]{{16}}|\d+)/", path) for path in paths)
    return next(match[1] for match in found if match)


def focus(console: Console) -> Focus:
    return Focus(**console.page.evaluate(_FOCUSED))


def tab_through(console: Console) -> Iterator[Focus]:
    """Every tab stop of the page, in order."""
    console.page.keyboard.press("Tab")
    while not (stop := focus(console)).name.startswith("<body"):
        yield stop
        console.page.keyboard.press("Tab")
