"""Plain builders with visible values."""

from __future__ import annotations

from datetime import UTC, datetime

from cache_admin.selectors.overview import HourPoint

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def make_point(
    *,
    hour: datetime = NOON,
    faq: int = 0,
    exact: int = 0,
    semantic: int = 0,
    none: int = 0,
    bypasses: int = 0,
    cost_nanousd: int = 0,
    avoided_nanousd: int = 0,
) -> HourPoint:
    """An hour in which `bypasses` of the `none` calls were not looked up."""
    hits, misses = faq + exact + semantic, none - bypasses
    return HourPoint(
        hour=hour,
        calls=hits + none,
        faq=faq,
        exact=exact,
        semantic=semantic,
        none=none,
        misses=misses,
        hit_rate=hits / (hits + misses) if hits + misses else None,
        cost_nanousd=cost_nanousd,
        avoided_nanousd=avoided_nanousd,
    )
