"""The four figures of the overview.

A figure is what ``Plotly.react`` takes, without colours: each trace names its `tone`, and the page
paints it with the theme in force. Money travels as decimal text, so that no float touches it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import plotly.graph_objects as go

from cache_admin.money import usd_decimal

if TYPE_CHECKING:
    from cache_admin.selectors.overview import HourPoint

Figure = dict[str, Any]

_MARKERS_UP_TO = 48
_LEGEND_ABOVE = {"x": 0, "y": 1.02, "yanchor": "bottom"}


@dataclass(frozen=True, slots=True)
class ChartWords:
    """What the figures say, in the reader's language.

    `separators` is Plotly's: the decimal mark, then the mark between thousands.
    """

    from_cache: str
    from_provider: str
    faq: str
    exact: str
    semantic: str
    hit_rate: str
    cost: str
    avoided: str
    currency: str
    separators: str


def calls_figure(points: Sequence[HourPoint], words: ChartWords) -> Figure:
    """Calls: answered from the cache, and by the provider."""
    cached = [point.faq + point.exact + point.semantic for point in points]
    bars = [
        _bars(points, cached, name=words.from_cache, tone="cache"),
        _bars(points, [point.none for point in points], name=words.from_provider, tone="none"),
    ]
    return _figure(bars, points, words, yaxis={"tickformat": ",~r"})


def layers_figure(points: Sequence[HourPoint], words: ChartWords) -> Figure:
    """Hits by the layer that answered."""
    bars = [
        _bars(points, [point.faq for point in points], name=words.faq, tone="faq"),
        _bars(points, [point.exact for point in points], name=words.exact, tone="exact"),
        _bars(points, [point.semantic for point in points], name=words.semantic, tone="semantic"),
    ]
    return _figure(bars, points, words, yaxis={"tickformat": ",~r"})


def hit_rate_figure(points: Sequence[HourPoint], words: ChartWords) -> Figure:
    """The share of looked-up calls that hit; a time without any leaves a gap."""
    line = go.Scatter(
        x=_times(points),
        y=[point.hit_rate for point in points],
        name=words.hit_rate,
        mode="lines+markers" if len(points) <= _MARKERS_UP_TO else "lines",
        connectgaps=False,
        line={"width": 2},
        marker={"size": 5},
        hovertemplate="%{y:.1%}",
        meta={"tone": "rate"},
    )
    return _figure([line], points, words, yaxis={"tickformat": ".0%", "range": [0, 1]})


def cost_figure(points: Sequence[HourPoint], words: ChartWords) -> Figure:
    """Dollars paid and dollars avoided."""
    paid = [str(usd_decimal(point.cost_nanousd)) for point in points]
    avoided = [str(usd_decimal(point.avoided_nanousd)) for point in points]
    hover = f"{words.currency}%{{y:,.6~f}}"
    bars = [
        _bars(points, paid, name=words.cost, tone="cost", hover=hover),
        _bars(points, avoided, name=words.avoided, tone="avoided", hover=hover),
    ]
    highest = max((max(p.cost_nanousd, p.avoided_nanousd) for p in points), default=0)
    ticks = {"tickformat": f",.{_money_places(highest)}~f", "tickprefix": words.currency}
    return _figure(bars, points, words, yaxis=ticks, barmode="group")


def _bars(
    points: Sequence[HourPoint],
    values: Sequence[int] | Sequence[str],
    *,
    name: str,
    tone: str,
    hover: str = "%{y:,}",
) -> go.Bar:
    return go.Bar(
        x=_times(points), y=list(values), name=name, hovertemplate=hover, meta={"tone": tone}
    )


def _money_places(highest_nanousd: int) -> int:
    """Decimals that tell the ticks of an axis up to `highest_nanousd` apart."""
    return min(9, max(0, 1 - usd_decimal(highest_nanousd).adjusted())) if highest_nanousd else 0


def _times(points: Sequence[HourPoint]) -> list[str]:
    return [f"{point.hour:%Y-%m-%d %H:%M}" for point in points]


def _figure(
    traces: Sequence[Any],
    points: Sequence[HourPoint],
    words: ChartWords,
    *,
    yaxis: dict[str, Any],
    barmode: str = "stack",
) -> Figure:
    layout = {
        "template": "none",
        "barmode": barmode,
        "bargap": 0.15,
        "hovermode": "x unified",
        "separators": words.separators,
        "margin": {"l": 48, "r": 8, "t": 8, "b": 40},
        "showlegend": len(traces) > 1,
        "legend": {"orientation": "h", "traceorder": "normal", **_LEGEND_ABOVE},
        "xaxis": _time_axis(points),
        "yaxis": {
            "type": "linear",
            "rangemode": "tozero",
            "automargin": True,
            "nticks": 5,
            "fixedrange": True,
            **yaxis,
        },
    }
    figure: Figure = json.loads(go.Figure(data=list(traces), layout=layout).to_json())
    return figure


def _time_axis(points: Sequence[HourPoint]) -> dict[str, Any]:
    # Numeric dates read alike in every language; named months would need a locale bundle.
    daily = len(points) > 1 and points[1].hour - points[0].hour >= timedelta(days=1)
    return {
        "type": "date",
        "tickformat": "%m-%d" if daily else "%H:%M\n%m-%d",
        "hoverformat": "%Y-%m-%d" if daily else "%Y-%m-%d %H:%M UTC",
        "tickangle": 0,
        "nticks": 5,
        "showgrid": False,
        "fixedrange": True,
    }
