"""A key made in the browser opens the runtime until it is revoked there."""

from __future__ import annotations

import time

import pytest
from playwright.sync_api import expect

from tests.browser.calls import is_accepted
from tests.browser.pages import Console
from tests.product import Product, wait_until


@pytest.fixture
def key(console: Console, product: Product) -> str:
    """The text of a key just created, which the page still shows."""
    return console.create_key("Till")


def test_key__created__never_shown_again(console: Console, key: str) -> None:
    console.open("keys/")

    assert key not in console.page.content()


def test_key__copied__in_the_clipboard(console: Console, key: str) -> None:
    console.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    console.page.get_by_role("button", name="Copy", exact=True).click()

    expect(console.page.get_by_role("button", name="Copied")).to_be_visible()
    assert console.page.evaluate("navigator.clipboard.readText()") == key


def test_key__created__accepted(product: Product, key: str) -> None:
    with product.client(app_key=key) as client:
        wait_until(lambda: is_accepted(client), seconds=2)


def test_key__revoked__refused(console: Console, product: Product, key: str) -> None:
    with product.client(app_key=key) as client:
        wait_until(lambda: is_accepted(client), seconds=2)

        console.open("keys/")
        console.follow("Revoke…", within=console.row(beginning(key)))
        revoked = console.press("Revoke key")
        wait_until(lambda: not is_accepted(client), seconds=2)

    print(f"refused {(time.monotonic() - revoked) * 1000:.0f} ms after the answer")  # noqa: T201


def beginning(key: str) -> str:
    """What the list of keys shows of `key`."""
    kind, name, _ = key.split("_", 2)
    return f"{kind}_{name}"
