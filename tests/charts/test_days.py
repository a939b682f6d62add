from __future__ import annotations

from datetime import UTC, datetime, timedelta

from cache_admin.charts.days import by_day
from tests.charts.builders import NOON, make_point


def test_by_day__hours_of_two_days__two_sums_in_order() -> None:
    points = [
        make_point(exact=1, cost_nanousd=10),
        make_point(hour=NOON + timedelta(hours=1), faq=2, cost_nanousd=20),
        make_point(hour=NOON + timedelta(hours=12), none=5),
    ]

    days = by_day(points)

    assert [(day.hour, day.calls, day.cost_nanousd) for day in days] == [
        (datetime(2026, 1, 1, tzinfo=UTC), 3, 30),
        (datetime(2026, 1, 2, tzinfo=UTC), 5, 0),
    ]


def test_by_day__hit_rate__weighs_hours_by_their_lookups() -> None:
    points = [
        make_point(exact=9, none=1),
        make_point(hour=NOON + timedelta(hours=1), none=95, bypasses=5),
    ]

    assert by_day(points)[0].hit_rate == 0.09


def test_by_day__nothing_looked_up__no_hit_rate() -> None:
    assert by_day([make_point(none=3, bypasses=3)])[0].hit_rate is None


def test_by_day__no_hours__no_days() -> None:
    assert by_day([]) == ()
