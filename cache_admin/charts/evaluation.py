"""The figures of a measured policy: what threshold and margin would do.

A figure is what ``Plotly.react`` takes, without colours: each trace names its `tone`, and the page
paints it with the theme in force.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from routing.evaluation import PairPoint, PairsResult, StreamPoint, StreamResult

Figure = dict[str, Any]

CHARTED_MARGINS = (0.0, 0.02, 0.05, 0.10, 0.15, 0.25)
_ROUNDING = 1e-9


def stream_figure(result: StreamResult) -> Figure:
    """Precision over hit rate, one line for each charted margin, a point for each threshold."""
    margins = sorted({*CHARTED_MARGINS, result.min_margin})
    lines = [
        _stream_line(points, margin=margin, tone=f"line-{at}")
        for at, margin in enumerate(margins)
        if (points := _with_margin(result.curve, margin))
    ]
    measured = {
        "type": "scatter",
        "mode": "markers",
        "name": "measured",
        "x": [result.hit_rate],
        "y": [1 - result.wrong_per_hit],
        "marker": {"size": 13, "symbol": "star"},
        "hovertemplate": (
            f"min_similarity {result.min_similarity:g}, min_margin {result.min_margin:g}<br>"
            "hit rate %{x:.1%}, right %{y:.1%}"
        ),
        "meta": {"tone": "measured"},
    }
    lowest = min(y for trace in (*lines, measured) for y in trace["y"])
    figure = _figure([*lines, measured], x_title="hit rate", y_title="right answers among hits")
    figure["layout"]["xaxis"]["tickformat"] = ".0%"
    # What is of interest lies close to 100 %.
    figure["layout"]["yaxis"]["range"] = [math.floor(lowest * 10) / 10, 1.01]
    return figure


def pairs_figure(result: PairsResult) -> Figure:
    """The shares of both kinds of pairs that hit, and precision, over the threshold."""
    lines = [
        _pairs_line(result.curve, "hit_rate_same", name="same answer: hits", tone="line-1"),
        _pairs_line(result.curve, "hit_rate_different", name="other answer: hits", tone="line-4"),
        _pairs_line(result.curve, "precision", name="right among hits", tone="line-2"),
    ]
    return _figure(lines, x_title="min_similarity", y_title="share")


def _with_margin(curve: Sequence[StreamPoint], margin: float) -> list[StreamPoint]:
    """The points of `margin` that hit at all, by threshold."""
    found = [
        point
        for point in curve
        if abs(point.min_margin - margin) < _ROUNDING and point.hit_rate > 0
    ]
    return sorted(found, key=lambda point: point.min_similarity)


def _stream_line(points: Sequence[StreamPoint], *, margin: float, tone: str) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "lines+markers",
        "name": f"margin {margin:.2f}",
        "x": [point.hit_rate for point in points],
        "y": [1 - point.wrong_per_hit for point in points],
        "text": [f"{point.min_similarity:g}" for point in points],
        "line": {"width": 2},
        "marker": {"size": 5},
        "hovertemplate": (
            f"min_similarity %{{text}}, min_margin {margin:g}<br>hit rate %{{x:.1%}}, "
            "right %{y:.1%}<extra></extra>"
        ),
        "meta": {"tone": tone},
    }


def _pairs_line(curve: Sequence[PairPoint], field: str, *, name: str, tone: str) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "lines",
        "name": name,
        "x": [point.min_similarity for point in curve],
        "y": [getattr(point, field) for point in curve],
        "line": {"width": 2},
        "hovertemplate": "%{y:.1%}",
        "meta": {"tone": tone},
    }


def _figure(traces: Sequence[dict[str, Any]], *, x_title: str, y_title: str) -> Figure:
    layout = {
        "template": "none",
        "margin": {"l": 56, "r": 12, "t": 8, "b": 48},
        "legend": {"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom"},
        "xaxis": {"title": {"text": x_title}, "tickformat": ".2~f", "automargin": True},
        "yaxis": {
            "title": {"text": y_title},
            "tickformat": ".0%",
            "range": [0, 1.02],
            "automargin": True,
        },
    }
    return {"data": list(traces), "layout": layout}
