from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.utils import timezone, translation

from cache_admin.spans import largest_unit, spoken_span
from cache_admin.templatetags.console import ago, delay, diff_value, percent, plain, usd, within


@pytest.fixture(autouse=True)
def _english() -> Iterator[None]:
    with translation.override("en"):
        yield


@pytest.mark.parametrize(
    ("nanousd", "said"),
    [
        (0, "$0.00"),
        (123, "$0.000000123"),
        (1, "$0.000000001"),
        (350_000, "$0.000350"),
        (12_345_678, "$0.0123"),
        (999_999_999, "$1.000"),
        (1_234_567_890_000, "$1,234.57"),
        (-350_000, "$-0.000350"),
    ],
)
def test_usd__amount__said_with_the_digits_that_count(nanousd: int, said: str) -> None:
    assert usd(nanousd) == said


def test_usd__spanish__comma_and_currency() -> None:
    with translation.override("es"):
        assert usd(1_234_567_890_000) == "US$\xa01\xa0234,57"


@pytest.mark.parametrize(("fraction", "said"), [(None, "—"), (0.4831, "48.3%"), (1.0, "100.0%")])
def test_percent__fraction__one_decimal(fraction: float | None, said: str) -> None:
    assert percent(fraction) == said


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0, "0 s"), (45, "45 s"), (5400, "1 h 30 min"), (90061, "1 d 1 h"), (2592000, "30 d")],
)
def test_span__seconds__two_largest_units(seconds: int, said: str) -> None:
    assert spoken_span(seconds) == said


@pytest.mark.parametrize(
    ("seconds", "unit"), [(0, "s"), (45, "s"), (90, "s"), (120, "min"), (7200, "h"), (86400, "d")]
)
def test_unit__seconds__largest_that_divides(seconds: int, unit: str) -> None:
    assert largest_unit(seconds) == unit


@pytest.mark.parametrize(
    ("value", "said"), [("0.7900", "0.79"), ("0.8125", "0.8125"), ("1", "1.00"), ("0", "0.00")]
)
def test_plain__decimal__at_least_two_places(value: str, said: str) -> None:
    assert plain(Decimal(value)) == said


@pytest.mark.parametrize(
    ("passed", "said"),
    [
        (timedelta(seconds=5), "just now"),
        (timedelta(minutes=3), "3\xa0minutes ago"),
        (timedelta(hours=-2, seconds=-5), "in 2\xa0hours"),
    ],
)
def test_ago__moment__said_relative_to_now(passed: timedelta, said: str) -> None:
    assert said in ago(timezone.now() - passed)


def test_ago__moment__exact_time_in_the_tooltip() -> None:
    moment = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)

    assert 'title="2026-01-02 03:04:05 UTC"' in ago(moment)


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0.0421, "after 42 ms"), (9.5, "after 9,500 ms"), (75.0, "after 1 min 15 s")],
)
def test_delay__seconds__unit_that_fits(seconds: float, said: str) -> None:
    assert delay(seconds) == said


@pytest.mark.parametrize(
    ("value", "said"), [(None, "—"), ("text", "text"), (0.79, "0.79"), (True, "true")]
)
def test_diff_value__value__as_read(value: object, said: str) -> None:
    assert diff_value(value) == said


def test_within__path_of_another_tenant__kept_whole() -> None:
    assert within("tenants/globex/policies/x", "acme") == "tenants/globex/policies/x"
