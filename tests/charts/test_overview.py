from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from cache_admin.charts.overview import (
    ChartWords,
    calls_figure,
    cost_figure,
    hit_rate_figure,
    layers_figure,
)
from tests.charts.builders import NOON, make_point

WORDS = ChartWords(
    from_cache="from the cache",
    from_provider="from the provider",
    faq="FAQ",
    exact="exact",
    semantic="semantic",
    hit_rate="hit rate",
    cost="paid",
    avoided="avoided",
    currency="$",
    separators=".,",
)


def test_calls__point__cache_and_provider_stacked() -> None:
    figure = calls_figure([make_point(faq=1, exact=2, semantic=3, none=4)], WORDS)

    assert [trace["y"] for trace in figure["data"]] == [[6], [4]]
    assert figure["layout"]["barmode"] == "stack"


def test_layers__point__one_bar_each() -> None:
    figure = layers_figure([make_point(faq=1, exact=2, semantic=3)], WORDS)

    assert [(trace["name"], trace["y"]) for trace in figure["data"]] == [
        ("FAQ", [1]),
        ("exact", [2]),
        ("semantic", [3]),
    ]


def test_hit_rate__hour_without_lookups__leaves_a_gap() -> None:
    points = [make_point(exact=1, none=1), make_point(hour=NOON + timedelta(hours=1))]

    trace = hit_rate_figure(points, WORDS)["data"][0]

    assert trace["y"] == [0.5, None]
    assert trace["connectgaps"] is False


def test_hit_rate__any__axis_from_nothing_to_all() -> None:
    assert hit_rate_figure([make_point()], WORDS)["layout"]["yaxis"]["range"] == [0, 1]


def test_cost__money__exact_text_not_floats() -> None:
    figure = cost_figure([make_point(cost_nanousd=1, avoided_nanousd=123_456_789_012)], WORDS)

    assert [trace["y"] for trace in figure["data"]] == [["1E-9"], ["123.456789012"]]


@pytest.mark.parametrize(
    ("highest", "tickformat"),
    [
        (0, ",.0~f"),
        (350_000, ",.5~f"),
        (600_000_000, ",.2~f"),
        (20_000_000_000, ",.0~f"),
    ],
)
def test_cost__ticks__told_apart(highest: int, tickformat: str) -> None:
    figure = cost_figure([make_point(cost_nanousd=highest)], WORDS)

    assert figure["layout"]["yaxis"]["tickformat"] == tickformat


def test_figure__traces__name_a_tone_and_no_colour() -> None:
    traces = calls_figure([make_point()], WORDS)["data"]

    assert [trace["meta"]["tone"] for trace in traces] == ["cache", "none"]
    assert all("color" not in trace.get("marker", {}) for trace in traces)


@pytest.mark.parametrize(("step", "tickformat"), [(1, "%H:%M\n%m-%d"), (24, "%m-%d")])
def test_figure__step__ticks_to_match(step: int, tickformat: str) -> None:
    points = [make_point(), make_point(hour=NOON + timedelta(hours=step))]

    assert calls_figure(points, WORDS)["layout"]["xaxis"]["tickformat"] == tickformat


def test_figure__no_points__still_a_figure() -> None:
    assert cost_figure([], WORDS)["data"][0]["x"] in ([], None)


def test_figure__hour__said_in_utc() -> None:
    point = make_point(hour=datetime(2026, 1, 2, 3, tzinfo=UTC))

    assert calls_figure([point], WORDS)["data"][0]["x"] == ["2026-01-02 03:00"]
