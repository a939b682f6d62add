from __future__ import annotations

from cache_admin.charts.evaluation import pairs_figure, stream_figure
from routing.evaluation import PairPoint, PairsResult, StreamPoint, StreamResult
from routing.evaluation.results import LayerCounts


def measured_stream(*curve: StreamPoint, min_margin: float = 0.0) -> StreamResult:
    return StreamResult(
        n=10,
        min_similarity=0.79,
        min_margin=min_margin,
        hits=5,
        right_hits=4,
        wrong_hits=1,
        hit_rate=0.5,
        wrong_per_hit=0.2,
        wrong_per_query=0.1,
        by_layer=LayerCounts(faq=0, exact=1, semantic=4, none=5),
        curve=curve,
        seconds=1.0,
    )


def measured_pairs(*curve: PairPoint) -> PairsResult:
    return PairsResult(
        n=4,
        positives=3,
        negatives=1,
        min_similarity=0.79,
        hit_rate_same=0.9,
        hit_rate_different=0.1,
        precision=0.95,
        curve=curve,
        guards={"numbers": 2},
        guards_same={"numbers": 1},
        seconds=1.0,
    )


def test_stream_figure__two_margins__a_line_each_by_threshold() -> None:
    figure = stream_figure(
        measured_stream(
            StreamPoint(0.9, 0.0, 0.2, 0.0),
            StreamPoint(0.8, 0.0, 0.4, 0.1),
            StreamPoint(0.8, 0.05, 0.3, 0.05),
        )
    )

    lines = [trace for trace in figure["data"] if trace["mode"] == "lines+markers"]
    assert [(line["name"], line["x"], line["text"]) for line in lines] == [
        ("margin 0.00", [0.4, 0.2], ["0.8", "0.9"]),
        ("margin 0.05", [0.3], ["0.8"]),
    ]
    assert lines[0]["y"] == [0.9, 1.0]


def test_stream_figure__setting_without_a_hit__no_point() -> None:
    figure = stream_figure(measured_stream(StreamPoint(0.9, 0.0, 0.0, 0.0)))

    assert [trace["name"] for trace in figure["data"]] == ["measured"]


def test_stream_figure__margin_that_is_not_charted__shown_when_it_was_asked_for() -> None:
    figure = stream_figure(measured_stream(StreamPoint(0.8, 0.07, 0.3, 0.0), min_margin=0.07))

    assert figure["data"][0]["name"] == "margin 0.07"


def test_pairs_figure__curve__three_lines_over_the_threshold() -> None:
    figure = pairs_figure(measured_pairs(PairPoint(0.8, 0.9, 0.1, 0.95)))

    assert [(trace["x"], trace["y"]) for trace in figure["data"]] == [
        ([0.8], [0.9]),
        ([0.8], [0.1]),
        ([0.8], [0.95]),
    ]
