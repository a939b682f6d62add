"""Bumping a document in the browser retires what rests on it."""

from __future__ import annotations

import re

import openai
import pytest

from tests.browser.calls import ask_until
from tests.browser.pages import Console


@pytest.fixture
def bump(console: Console) -> Console:
    """The page that asks whether to bump the help centre."""
    console.open("documents/")
    console.follow("Bump…", within=console.row("help-center"))
    return console


def test_bump__answers_stored__their_number_shown_first(
    bump: Console, client: openai.OpenAI
) -> None:
    ask_until(client, "Which bulbs fit the ceiling lantern?", layer="exact")

    bump.page.reload()

    match = re.search(r"(\d+) stored answers? rests? on", bump.main.inner_text())
    assert match is not None
    assert int(match[1]) > 0


def test_bump__confirmed__stored_question_missed(bump: Console, client: openai.OpenAI) -> None:
    ask_until(client, "Who weaves the linen curtains?", layer="exact")

    bump.press("Bump version")

    ask_until(client, "Who weaves the linen curtains?", layer="none", keep=False)


def test_bump__confirmed__version_in_force_with_its_note(bump: Console) -> None:
    bump.field("What changed").fill("Prices of autumn")
    bump.press("Bump version")

    assert "in force" in bump.row("Prices of autumn").inner_text()
