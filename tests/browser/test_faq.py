"""Curated answers written in the browser are what apps get."""

from __future__ import annotations

import openai
import pytest

from tests.browser.calls import Reply, ask, ask_until
from tests.browser.pages import Console
from tests.product import wait_until

QUESTION = "How long is the warranty?"


@pytest.fixture
def faq(console: Console) -> Console:
    """The form of the FAQ about the warranty."""
    console.open("faqs/")
    console.follow(QUESTION)
    return console


def test_answer__changed__served_word_for_word(faq: Console, client: openai.OpenAI) -> None:
    faq.field("Answer").fill("Three years on everything.")
    faq.press("Save FAQ")

    wanted = Reply(layer="faq", text="Three years on everything.", similarity=1.0)
    wait_until(lambda: ask(client, QUESTION) == wanted, seconds=5)


def test_alias__added__answered_too(faq: Console, client: openai.OpenAI) -> None:
    faq.field("Also asked as").press("Control+End")
    faq.page.keyboard.type("\nFor how many years do you promise that it works?")
    faq.press("Save FAQ")

    ask_until(client, "for how many years do you promise that it works", layer="faq", keep=False)


def test_alias__another_faq_has_it__error_at_the_field(faq: Console) -> None:
    faq.field("Also asked as").fill("Is delivery free?")
    faq.press("Save FAQ")

    assert "How much does delivery cost?" in faq.error_at("Also asked as")


def test_faq__refused__nothing_typed_is_lost(faq: Console) -> None:
    faq.field("Also asked as").fill("A new way to ask\nIs delivery free?")
    faq.field("Answer").fill("Typed with care.")
    faq.press("Save FAQ")

    assert faq.field("Also asked as").input_value() == "A new way to ask\nIs delivery free?"
    assert faq.field("Answer").input_value() == "Typed with care."


def test_search__typed__results_swapped_in_place(console: Console) -> None:
    console.open("faqs/")
    console.page.evaluate("window.samePage = true")

    console.field("Search").press_sequentially("guarantee")

    console.row("How do I reset my password?").wait_for(state="detached")
    assert console.row(QUESTION).count() == 1
    assert console.page.evaluate("window.samePage")
