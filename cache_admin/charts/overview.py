"""The four figures of the overview.

A figure is what ``Plotly.react`` takes, without colours: each trace names its `tone`, and the page
paints it with the theme in force. Money travels as decimal text, so that no float touches it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import plotly.graph_objects as go

from cache_admin.money import usd_decimal

if TYPE_CHECKING:
    from cache_admin.selectors.overview import HourPoint

Figure = dict[str, Any]


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
    separators: str


def calls_figure(hours: Sequence[HourPoint], words: ChartWords) -> Figure:
    """Calls per hour: answered from the cache, and by the provider."""
    cached = [point.faq + point.exact + point.semantic for point in hours]
    traces = [
        _bars(hours, cached, name=words.from_cache, tone="cache"),
        _bars(hours, [point.none for point in hours], name=words.from_provider, tone="none"),
    ]
    return _figure(traces, words, barmode="stack", tickformat=",~r")


def layers_figure(hours: Sequence[HourPoint], words: ChartWords) -> Figure:
    """Hits per hour by the layer that answered."""
    traces = [
        _bars(hours, [point.faq for point in hours], name=words.faq, tone="faq"),
        _bars(hours, [point.exact for point in hours], name=words.exact, tone="exact"),
        _bars(hours, [point.semantic for point in hours], name=words.semantic, tone="semantic"),
    ]
    return _figure(traces, words, barmode="stack", tickformat=",~r")


def hit_rate_figure(hours: Sequence[HourPoint], words: ChartWords) -> Figure:
    """The share of calls answered from the cache; hours without calls leave a gap."""
    trace = go.Scatter(
        x=_times(hours),
        y=[point.hit_rate for point in hours],
        name=words.hit_rate,
        mode="lines+markers" if len(hours) <= 48 else "lines",
        connectgaps=False,
        line={"width": 2},
        marker={"size": 5},
        hovertemplate="%{y:.1%}",
        meta={"tone": "rate"},
    )
    return _figure([trace], words, tickformat=".0%", axis_range=[0, 1])


def cost_figure(hours: Sequence[HourPoint], words: ChartWords) -> Figure:
    """Dollars paid and dollars avoided per hour."""
    paid = [str(usd_decimal(point.cost_nanousd)) for point in hours]
    avoided = [str(usd_decimal(point.avoided_nanousd)) for point in hours]
    traces = [
        _bars(hours, paid, name=words.cost, tone="cost", hover="$%{y:,.6~f}"),
        _bars(hours, avoided, name=words.avoided, tone="avoided", hover="$%{y:,.6~f}"),
    ]
    return _figure(traces, words, barmode="group", tickformat="$~s")


def _bars(
    hours: Sequence[HourPoint],
    values: Sequence[int] | Sequence[str],
    *,
    name: str,
    tone: str,
    hover: str = "%{y:,}",
) -> go.Bar:
    return go.Bar(
        x=_times(hours), y=list(values), name=name, hovertemplate=hover, meta={"tone": tone}
    )


def _times(hours: Sequence[HourPoint]) -> list[str]:
    return [f"{point.hour:%Y-%m-%d %H:%M}" for point in hours]


def _figure(
    traces: Sequence[Any],
    words: ChartWords,
    *,
    tickformat: str,
    barmode: str = "stack",
    axis_range: list[int] | None = None,
) -> Figure:
    layout = {
        "template": "none",
        "barmode": barmode,
        "bargap": 0.15,
        "hovermode": "x unified",
        "separators": words.separators,
        "margin": {"l": 48, "r": 8, "t": 8, "b": 40},
        "showlegend": len(traces) > 1,
        "legend": {"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom"},
        # Numeric dates read alike in every language; named months would need a locale bundle.
        "xaxis": {
            "type": "date",
            "tickformat": "%H:%M\n%Y-%m-%d",
            "hoverformat": "%Y-%m-%d %H:%M UTC",
            "nticks": 8,
            "showgrid": False,
            "fixedrange": True,
        },
        "yaxis": {
            "type": "linear",
            "tickformat": tickformat,
            "rangemode": "tozero",
            "automargin": True,
            "nticks": 5,
            "fixedrange": True,
            **({"range": axis_range} if axis_range else {}),
        },
    }
    figure: Figure = json.loads(go.Figure(data=list(traces), layout=layout).to_json())
    return figure
