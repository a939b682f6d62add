"""A threshold changed in the browser changes the next answer."""

from __future__ import annotations

import time
from collections.abc import Iterator

import openai
import pytest
from playwright.sync_api import expect

from tests.browser.calls import ask, ask_until
from tests.browser.pages import Console

QUESTION = "Can a lamp be hung in the bathroom?"
REPHRASED = "Can I hang a lamp in the bathroom?"


@pytest.fixture
def policy(console: Console) -> Console:
    """The form of the policy that covers every call."""
    open_policy(console)
    return console


@pytest.fixture
def similarity(client: openai.OpenAI, policy: Console) -> Iterator[float]:
    """How close the re-phrasing, a semantic hit before the test, is to the stored question."""
    ask(client, QUESTION)
    yield ask_until(client, REPHRASED, layer="semantic", keep=False).similarity
    open_policy(policy)
    policy.field("Minimum similarity").fill("0.79")
    policy.press("Save policy")


def test_slider__raised_above_the_similarity__rephrasing_missed(
    policy: Console, client: openai.OpenAI, similarity: float
) -> None:
    raise_by_slider(policy, above=similarity)
    saved = policy.press("Save policy")

    ask_until(client, REPHRASED, layer="none", keep=False)
    seconds = time.monotonic() - saved

    print(f"missed {seconds * 1000:.0f} ms after the save was answered")  # noqa: T201
    assert seconds < 2


def test_number__set_back__rephrasing_hit_again(
    policy: Console, client: openai.OpenAI, similarity: float
) -> None:
    raise_by_slider(policy, above=similarity)
    policy.press("Save policy")
    ask_until(client, REPHRASED, layer="none", keep=False)

    open_policy(policy)
    policy.field("Minimum similarity").fill("0.79")
    policy.press("Save policy")

    ask_until(client, REPHRASED, layer="semantic", keep=False)


def test_policy__saved__revision_named(policy: Console) -> None:
    policy.field("Priority").fill("1")
    policy.press("Save policy")

    assert policy.saved_revision > 1


def test_number__typed__slider_and_band_follow(policy: Console) -> None:
    policy.field("Minimum similarity").fill("0.85")

    expect(policy.page.get_by_role("slider")).to_have_value("0.85")
    expect(policy.page.locator(".band[data-active]")).to_contain_text("legal")


def test_number__out_of_range__error_at_the_field(policy: Console) -> None:
    policy.field("Minimum similarity").fill("1.5")
    policy.press("Save policy")

    assert "less than or equal to 1" in policy.error_at("Minimum similarity")


def open_policy(console: Console) -> None:
    console.open("policies/")
    console.follow("frequent-faq")


def raise_by_slider(policy: Console, *, above: float) -> None:
    """One step below the slider's end, which has to lie above the similarity `above`."""
    slider = policy.page.get_by_role("slider")
    slider.press("End")
    slider.press("ArrowLeft")
    assert float(policy.field("Minimum similarity").input_value()) > above
