"""Both themes keep WCAG AA: 4.5 for text, 3 for chart colours and field borders."""

from __future__ import annotations

import re

import pytest

from controlplane.serve.plan import PROJECT_ROOT

TOKENS = PROJECT_ROOT / "cache_admin" / "static" / "console" / "css" / "tokens.css"
TEXT_PAIRS = [
    ("text", "bg"),
    ("text", "surface-sunken"),
    ("text-muted", "bg"),
    ("text-muted", "surface"),
    ("text-muted", "surface-sunken"),
    ("accent", "surface"),
    ("accent", "bg"),
    ("accent", "accent-soft"),
    ("on-fill", "accent-fill"),
    ("on-fill", "accent-fill-hover"),
    ("on-fill", "danger-fill"),
    ("on-fill", "danger-fill-hover"),
    ("danger", "surface"),
    ("danger", "danger-soft"),
    ("success", "success-soft"),
    ("warning", "warning-soft"),
]
SHAPES = ["border-strong", *(f"chart-{name}" for name in ("faq", "exact", "semantic", "none"))]
SHAPES += [f"chart-{name}" for name in ("cache", "rate", "cost", "avoided")]


def colours(theme: str) -> dict[str, str]:
    light, dark = TOKENS.read_text("utf-8").split(':root[data-theme="dark"]')
    source = light if theme == "light" else dark
    return dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", source))


def luminance(colour: str) -> float:
    channels = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize(("text", "ground"), TEXT_PAIRS)
def test_text__on_its_ground__readable(theme: str, text: str, ground: str) -> None:
    found = colours(theme)

    assert contrast(found[text], found[ground]) >= 4.5


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("shape", SHAPES)
def test_shape__on_the_surface__visible(theme: str, shape: str) -> None:
    found = colours(theme)

    assert contrast(found[shape], found["surface"]) >= 3
