from __future__ import annotations

import pytest

from routing.guards.remember import remembered
from routing.guards.text import Text, read_text


@pytest.mark.parametrize("raw", ["a short text", "a long text " * 400])
def test_remembered__same_text_again__derived_once(raw: str) -> None:
    derived = []

    @remembered
    def length(text: Text, unit: str) -> int:
        derived.append(unit)
        return len(text.raw)

    text = read_text(raw)

    assert length(text, "signs") == length(text, "signs") == len(raw)
    assert derived == ["signs"]


def test_remembered__other_argument__derived_again() -> None:
    @remembered
    def marked(text: Text, mark: str) -> str:
        return text.raw + mark

    text = read_text("a short text")

    assert (marked(text, "!"), marked(text, "?")) == ("a short text!", "a short text?")
