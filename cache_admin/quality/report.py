"""A measurement as one page that can be kept and sent: it asks nothing of any other host."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.template.loader import render_to_string
from django.utils.safestring import SafeString
from plotly.offline import get_plotlyjs

from cache_admin.charts.evaluation import CHARTED_MARGINS, Figure, pairs_figure, stream_figure

if TYPE_CHECKING:
    from routing.evaluation import PairsResult, StreamResult

_ROUNDING = 1e-9


@dataclass(frozen=True, slots=True)
class Headline:
    """One number above the chart."""

    name: str
    value: str


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a table; `measured` marks the setting that was asked for."""

    cells: tuple[str, ...]
    measured: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """What the chart shows, in figures."""

    title: str
    caption: str
    columns: tuple[str, ...]
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class Report:
    """What the page says."""

    title: str
    summary: str
    figures: tuple[Headline, ...]
    chart_title: str
    tables: tuple[Table, ...]


def stream_report(result: StreamResult, *, source: str) -> str:
    """HTML of a measured stream that came from the file `source`."""
    report = Report(
        title=f"{source}: what the cache would have served",
        summary=(
            f"{result.n:,} labelled questions asked in order, and stored when nothing was found, "
            f"at min_similarity {result.min_similarity:g} and min_margin {result.min_margin:g}. "
            "A hit is right when it serves the answer that the question's label names."
        ),
        figures=(
            Headline("hit rate", _percent(result.hit_rate)),
            Headline("wrong among hits", _percent(result.wrong_per_hit)),
            Headline("wrong among questions", _percent(result.wrong_per_query)),
            Headline("FAQ", f"{result.by_layer.faq:,}"),
            Headline("exact", f"{result.by_layer.exact:,}"),
            Headline("semantic", f"{result.by_layer.semantic:,}"),
            Headline("provider", f"{result.by_layer.none:,}"),
        ),
        chart_title="Right answers among hits over the hit rate, for each margin",
        tables=(_stream_table(result),),
    )
    return _page(report, stream_figure(result))


def pairs_report(result: PairsResult, *, source: str) -> str:
    """HTML of measured pairs that came from the file `source`."""
    report = Report(
        title=f"{source}: which look-alikes would share an answer",
        summary=(
            f"{result.positives:,} pairs that one answer serves and {result.negatives:,} that need "
            f"two, the one stored and the other looked up, at min_similarity "
            f"{result.min_similarity:g}."
        ),
        figures=(
            Headline("same answer: hits", _percent(result.hit_rate_same)),
            Headline("other answer: hits", _percent(result.hit_rate_different)),
            Headline("right among hits", _percent(result.precision)),
        ),
        chart_title="Hits by threshold",
        tables=(_pairs_table(result), _guards_table(result)),
    )
    return _page(report, pairs_figure(result))


def _page(report: Report, figure: Figure) -> str:
    context = {
        "report": report,
        "figure": figure,
        # The installed package's own script, not data.
        "plotly": SafeString(get_plotlyjs()),
    }
    return render_to_string("reports/evaluation.html", context)


def _stream_table(result: StreamResult) -> Table:
    shown = {*CHARTED_MARGINS, result.min_margin}
    rows = [
        Row(
            cells=(
                f"{point.min_similarity:.2f}",
                f"{point.min_margin:.2f}",
                _percent(point.hit_rate),
                _percent(point.wrong_per_hit),
            ),
            measured=_is(point.min_similarity, result.min_similarity)
            and _is(point.min_margin, result.min_margin),
        )
        for point in result.curve
        if any(_is(point.min_margin, margin) for margin in shown)
    ]
    return Table(
        title="The curve in figures",
        caption="Each line is a replay of the whole stream at that threshold and margin.",
        columns=("min_similarity", "min_margin", "hit rate", "wrong among hits"),
        rows=tuple(rows),
    )


def _pairs_table(result: PairsResult) -> Table:
    rows = [
        Row(
            cells=(
                f"{point.min_similarity:.2f}",
                _percent(point.hit_rate_same),
                _percent(point.hit_rate_different),
                _percent(point.precision),
            ),
            measured=_is(point.min_similarity, result.min_similarity),
        )
        for point in result.curve
    ]
    return Table(
        title="The curve in figures",
        caption="With the guards of the policy; each pair alone, so that no margin plays a part.",
        columns=("min_similarity", "same answer: hits", "other answer: hits", "right among hits"),
        rows=tuple(rows),
    )


def _guards_table(result: PairsResult) -> Table:
    names: Sequence[str] = sorted(result.guards, key=lambda name: -result.guards[name])
    rows = [
        Row(
            cells=(
                name,
                f"{result.guards[name] - result.guards_same.get(name, 0):,}",
                f"{result.guards_same.get(name, 0):,}",
            )
        )
        for name in names
    ]
    return Table(
        title="What the guards objected to",
        caption="Pairs that were similar enough; several guards may object to the same pair.",
        columns=("guard", "other answer: rightly", "same answer: wrongly"),
        rows=tuple(rows),
    )


def _percent(share: float) -> str:
    return f"{share:.1%}"


def _is(one: float, other: float) -> bool:
    return abs(one - other) < _ROUNDING
