"""Hours summed up to days."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, time
from itertools import groupby
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cache_admin.selectors.overview import HourPoint


def by_day(hours: Sequence[HourPoint]) -> tuple[HourPoint, ...]:
    """One point a day (UTC), stamped with the day's start; `hours` must be in order."""
    days = groupby(hours, key=lambda point: point.hour.date())
    return tuple(_sum(list(points)) for _day, points in days)


def _sum(points: Sequence[HourPoint]) -> HourPoint:
    first = points[0]
    hits = sum(point.faq + point.exact + point.semantic for point in points)
    misses = sum(point.misses for point in points)
    return type(first)(
        hour=datetime.combine(first.hour.date(), time(), tzinfo=first.hour.tzinfo),
        calls=sum(point.calls for point in points),
        faq=sum(point.faq for point in points),
        exact=sum(point.exact for point in points),
        semantic=sum(point.semantic for point in points),
        none=sum(point.none for point in points),
        misses=misses,
        hit_rate=hits / (hits + misses) if hits + misses else None,
        cost_nanousd=sum(point.cost_nanousd for point in points),
        avoided_nanousd=sum(point.avoided_nanousd for point in points),
    )
