"""Rolling back in the browser, and who obeys what."""

from __future__ import annotations

from uuid import uuid4

import openai
import pytest
from playwright.sync_api import Locator, expect

from tests.browser.calls import ask
from tests.browser.pages import Console
from tests.product import wait_until

QUESTION = "How do I use a gift card?"


@pytest.fixture
def old_answer(console: Console, client: openai.OpenAI) -> str:
    """What was served until an operator saved another answer, which is served now."""
    old, new = ask(client, QUESTION).text, f"Ask for cheque {uuid4()}."
    console.open("faqs/")
    console.follow(QUESTION)
    console.field("Answer").fill(new)
    console.press("Save FAQ")
    wait_until(lambda: ask(client, QUESTION).text == new, seconds=5)
    return old


def test_rollback__to_the_revision_before__old_answer_served(
    console: Console, client: openai.OpenAI, old_answer: str
) -> None:
    roll_back(console)

    wait_until(lambda: ask(client, QUESTION).text == old_answer, seconds=5)


def test_rollback__done__newest_revision_says_so(console: Console, old_answer: str) -> None:
    restored = roll_back(console)

    expect(history(console).first).to_contain_text(f"rollback to {restored}")


def test_revision__pushed__acknowledged_by_the_runtime(console: Console, old_answer: str) -> None:
    def acknowledged() -> bool:
        console.open("revisions/")
        return "in force on 1" in history(console).first.inner_text()

    # The page shows what is known when it is opened; the acknowledgement may come just after.
    wait_until(acknowledged, seconds=5)


def roll_back(console: Console) -> str:
    """Bring the revision before the newest one back; returns its number as shown."""
    console.open("revisions/")
    before = history(console).nth(1)
    number = before.get_by_role("rowheader").inner_text().strip()
    console.follow("Roll back…", within=before)
    console.press("Roll back")
    return number


def history(console: Console) -> Locator:
    table = console.page.get_by_role("table", name="Revisions, newest first")
    return table.locator("tbody").get_by_role("row")
