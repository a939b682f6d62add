"""The figures of a tenant over a span of time, read from the hourly rollups alone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypedDict

from django.db.models import Sum

from cache_admin.models import HourlyRollup, Tenant

LAYERS = ("faq", "exact", "semantic", "none")
_HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class LayerCount:
    """Calls that one layer answered; ``none`` are those the provider answered, or nobody."""

    layer: str
    calls: int


@dataclass(frozen=True, slots=True)
class HourPoint:
    """One hour (its start, UTC). Layers count calls, money is nano-USD.

    `misses` are the calls of layer ``none`` that were looked up; the rest of them went past the
    cache. `hit_rate` is a fraction, None when nothing was looked up.
    """

    hour: datetime
    calls: int
    faq: int
    exact: int
    semantic: int
    none: int
    misses: int
    hit_rate: float | None
    cost_nanousd: int
    avoided_nanousd: int


@dataclass(frozen=True, slots=True)
class Overview:
    """Sums over the span. `hit_rate` = hits / (hits + misses): a bypass was never looked up."""

    calls: int
    hits: int
    misses: int
    bypasses: int
    errors: int
    hit_rate: float | None
    cost_nanousd: int
    avoided_nanousd: int
    by_layer: tuple[LayerCount, ...]
    hours: tuple[HourPoint, ...]


class _Row(TypedDict):
    hour: datetime
    layer: str
    result: str
    calls_sum: int
    errors_sum: int
    cost_sum: int
    avoided_sum: int


def overview(*, tenant: Tenant, since: datetime, until: datetime) -> Overview:
    """The figures of `tenant` from the hour of `since` up to `until`, every hour listed.

    Rollups are hourly, so the first hour counts whole. Both bounds are aware datetimes.
    """
    first = since.replace(minute=0, second=0, microsecond=0)
    rows: list[_Row] = list(
        HourlyRollup.objects.for_tenant(tenant)
        .filter(hour__gte=first, hour__lt=until)
        .values("hour", "layer", "result")
        .annotate(
            calls_sum=Sum("calls"),
            errors_sum=Sum("errors"),
            cost_sum=Sum("cost_nanousd"),
            avoided_sum=Sum("avoided_nanousd"),
        )
        .order_by("hour")
    )
    by_hour: dict[datetime, list[_Row]] = {}
    for row in rows:
        by_hour.setdefault(row["hour"], []).append(row)
    hits, misses = _calls(rows, result="hit"), _calls(rows, result="miss")
    return Overview(
        calls=_calls(rows),
        hits=hits,
        misses=misses,
        bypasses=_calls(rows, result="bypass"),
        errors=sum(row["errors_sum"] for row in rows),
        hit_rate=_rate(hits, misses),
        cost_nanousd=sum(row["cost_sum"] for row in rows),
        avoided_nanousd=sum(row["avoided_sum"] for row in rows),
        by_layer=tuple(LayerCount(layer, _calls(rows, layer=layer)) for layer in LAYERS),
        hours=tuple(_point(hour, by_hour.get(hour, [])) for hour in _hours(first, until)),
    )


def _hours(first: datetime, until: datetime) -> Iterator[datetime]:
    hour = first
    while hour < until:
        yield hour
        hour += _HOUR


def _point(hour: datetime, rows: list[_Row]) -> HourPoint:
    misses = _calls(rows, result="miss")
    return HourPoint(
        hour=hour,
        calls=_calls(rows),
        faq=_calls(rows, layer="faq"),
        exact=_calls(rows, layer="exact"),
        semantic=_calls(rows, layer="semantic"),
        none=_calls(rows, layer="none"),
        misses=misses,
        hit_rate=_rate(_calls(rows, result="hit"), misses),
        cost_nanousd=sum(row["cost_sum"] for row in rows),
        avoided_nanousd=sum(row["avoided_sum"] for row in rows),
    )


def _calls(rows: Iterable[_Row], *, layer: str = "", result: str = "") -> int:
    return sum(
        row["calls_sum"]
        for row in rows
        if layer in ("", row["layer"]) and result in ("", row["result"])
    )


def _rate(hits: int, misses: int) -> float | None:
    return hits / (hits + misses) if hits + misses else None
