"""A model chosen in the browser answers the next calls, with what was stored before."""

from __future__ import annotations

from collections.abc import Iterator

import openai
import pytest
from playwright.sync_api import expect

from tests.browser.calls import ask, ask_until
from tests.browser.pages import Console

MODEL = "Embedding model"
QUESTION = "How long is the guarantee on a floor lamp?"
REPHRASED = "On a floor lamp, how long is the guarantee?"
PATIENCE_MS = 60_000


@pytest.fixture
def settings(console: Console) -> Iterator[Console]:
    """The settings page; the runtimes' own model is in use again afterwards."""
    console.open("settings/")
    yield console
    choose(console, "")


def choose(settings: Console, model: str) -> None:
    settings.open("settings/")
    settings.field(MODEL).select_option(model)
    settings.press("Save settings")


def test_model__changed__answers_moved_and_found_by_other_words(
    settings: Console, client: openai.OpenAI
) -> None:
    ask(client, QUESTION)
    ask_until(client, QUESTION, layer="exact")

    choose(settings, "openai:text-embedding-3-small@512")

    moved = settings.main.get_by_text("answers were moved to this model")
    expect(moved).to_be_visible(timeout=PATIENCE_MS)
    assert ask_until(client, REPHRASED, layer="semantic", keep=False).similarity > 0.79


def test_model__not_to_be_had__told_without_reloading(settings: Console) -> None:
    settings.field(MODEL).select_option("other")
    settings.field("Name of another model").fill("/nowhere/model")
    settings.press("Save settings")

    said = settings.main.get_by_text("is not a directory")

    expect(said).to_be_visible(timeout=PATIENCE_MS)
