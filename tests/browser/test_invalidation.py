"""Removing answers in the browser, until the receipt."""

from __future__ import annotations

import re

import openai
from playwright.sync_api import expect

from tests.browser.calls import ask_until
from tests.browser.pages import Console

OVER = 30_000
"""Milliseconds in which a worker has surely come to it."""


def test_policy_clear__confirmed__missed_at_once_and_receipt_fills_itself(
    console: Console, client: openai.OpenAI
) -> None:
    ask_until(client, "Are the wicker baskets made by hand?", layer="exact")
    console.open("policies/")
    console.follow("frequent-faq")
    console.follow("Clear its answers…")

    console.press("Clear policy")

    ask_until(client, "Are the wicker baskets made by hand?", layer="none", keep=False)
    expect(console.main.get_by_text("done", exact=True)).to_be_visible(timeout=OVER)
    figures = console.main.inner_text()
    assert re.search(r"Entries removed\s+[1-9]", figures)
    assert re.search(r"Found by a second look\s+0", figures)


def test_removal__user__name_shown_before_and_never_after(
    console: Console, client: openai.OpenAI
) -> None:
    question, cache = "Do you mend lanterns?", {"cache": {"user": "ann@example.com"}}
    for _turn in range(2):
        client.chat.completions.create(
            model="gpt-4o-mini",
            messages=[{"role": "user", "content": question}],
            extra_body=cache,
        )
    console.open("invalidations/new/")
    console.field("Remove").select_option("user")
    console.field("Which").fill("ann@example.com")
    console.press("See what goes…")
    asked = console.main.inner_text()

    console.press("Remove")

    expect(console.main.get_by_text("done", exact=True)).to_be_visible(timeout=OVER)
    assert "ann@example.com" in asked
    assert "ann@example.com" not in console.page.content()
