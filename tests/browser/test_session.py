"""Logging in and out, and what a person sets for themselves."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import Browser

from tests.browser.pages import PHONE, PHONE_WIDTH, Console
from tests.product import Product


def test_login__wrong_password__says_so_and_stays(visitor: Console, product: Product) -> None:
    visitor.log_in(product.announced.username, "not the password")

    assert "correct username and password" in visitor.alert
    assert visitor.heading == "Log in"


def test_login__right_password__leads_to_the_overview(visitor: Console, product: Product) -> None:
    visitor.log_in(product.announced.username, product.announced.password)

    assert visitor.heading == "Overview"


def test_login__sent_there_from_a_page__leads_back(visitor: Console, product: Product) -> None:
    visitor.open("policies/")
    visitor.page.get_by_label("Username").fill(product.announced.username)
    visitor.page.get_by_label("Password").fill(product.announced.password)
    visitor.press("Log in")

    assert visitor.heading == "Policies"


def test_login__phone_in_spanish__fits_its_width(browser: Browser, product: Product) -> None:
    with browser.new_context(**PHONE) as context:
        phone = Console(context, url=product.announced.console_url)
        phone.visit("login/")

        assert phone.width <= PHONE_WIDTH


def test_console__no_javascript__policy_saved_all_the_same(
    browser: Browser, product: Product, login: Any
) -> None:
    with browser.new_context(storage_state=login, java_script_enabled=False) as context:
        plain = Console(context, url=product.announced.console_url)
        plain.open("policies/")
        plain.follow("archival")
        plain.field("Minimum similarity").fill("0.83")
        plain.press("Save policy")

        assert "0.83" in plain.row("archival").inner_text()


def test_logout__pressed__locks_the_console(visitor: Console, product: Product) -> None:
    visitor.log_in(product.announced.username, product.announced.password)

    visitor.press("Log out")
    visitor.open()

    assert visitor.heading == "Log in"


def test_language__switched__the_same_page_in_it(console: Console) -> None:
    console.open("policies/")

    console.press("Español")

    assert console.heading == "Políticas"
    assert console.page.locator("html").get_attribute("lang") == "es"


def test_theme__dark_chosen__kept_on_the_next_page(console: Console) -> None:
    console.open()
    light = background(console)
    console.page.get_by_role("button", name="Dark", exact=True).click()

    console.open("policies/")

    assert background(console) != light


def test_menu__phone__opens_and_leads_on(console: Console) -> None:
    console.page.set_viewport_size({"width": PHONE_WIDTH, "height": 740})
    console.open()

    console.page.get_by_role("button", name="Menu", exact=True).click()
    console.follow("FAQs", within=console.page.get_by_role("navigation"))

    assert console.heading == "FAQs"


def background(console: Console) -> str:
    colour = console.page.evaluate("getComputedStyle(document.body).backgroundColor")
    return str(colour)
