from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from pytest_django import DjangoAssertNumQueries

from cache_admin.models import Tenant
from cache_admin.selectors.overview import LayerCount, overview
from cache_admin.services.ingest import store_events
from cache_admin.services.tenants import create_tenant
from tests.cache_admin.builders import NOON_MS, ROBOT, make_event

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
_HOUR = timedelta(hours=1)
_HOUR_MS = 3_600_000


def test_overview__calls_of_every_kind__counted_apart(acme: Tenant) -> None:
    store_events(
        [
            make_event(acme.uid, layer="faq", result="hit"),
            make_event(acme.uid, layer="semantic", result="hit"),
            make_event(acme.uid, layer="none", result="miss"),
            make_event(acme.uid, layer="none", result="bypass", status=502),
        ]
    )

    seen = overview(tenant=acme, since=NOON, until=NOON + _HOUR)

    assert (seen.calls, seen.hits, seen.misses, seen.bypasses, seen.errors) == (4, 2, 1, 1, 1)
    assert seen.by_layer == (
        LayerCount("faq", 1),
        LayerCount("exact", 0),
        LayerCount("semantic", 1),
        LayerCount("none", 2),
    )


def test_overview__hit_rate__leaves_bypasses_out(acme: Tenant) -> None:
    store_events(
        [
            make_event(acme.uid, layer="exact", result="hit"),
            make_event(acme.uid, result="miss"),
            make_event(acme.uid, result="bypass"),
        ]
    )

    assert overview(tenant=acme, since=NOON, until=NOON + _HOUR).hit_rate == 0.5


def test_overview__money__summed_in_nano_usd(acme: Tenant) -> None:
    store_events([make_event(acme.uid), make_event(acme.uid)])

    seen = overview(tenant=acme, since=NOON, until=NOON + _HOUR)

    assert (seen.cost_nanousd, seen.avoided_nanousd) == (700_000, 2_000)


def test_overview__no_calls__no_rate(acme: Tenant) -> None:
    seen = overview(tenant=acme, since=NOON, until=NOON + _HOUR)

    assert (seen.calls, seen.hit_rate) == (0, None)


def test_overview__hours__every_one_listed(acme: Tenant) -> None:
    store_events([make_event(acme.uid, time_ms=NOON_MS + 2 * _HOUR_MS)])

    seen = overview(tenant=acme, since=NOON + timedelta(minutes=20), until=NOON + 3 * _HOUR)

    assert [(point.hour, point.calls) for point in seen.hours] == [
        (NOON, 0),
        (NOON + _HOUR, 0),
        (NOON + 2 * _HOUR, 1),
    ]


def test_overview__outside_the_span__not_counted(acme: Tenant) -> None:
    store_events(
        [
            make_event(acme.uid, time_ms=NOON_MS - 1),
            make_event(acme.uid, time_ms=NOON_MS + _HOUR_MS),
        ]
    )

    assert overview(tenant=acme, since=NOON, until=NOON + _HOUR).calls == 0


def test_overview__other_tenant__not_counted(acme: Tenant) -> None:
    globex = create_tenant(actor=ROBOT, slug="globex", name="Globex")
    store_events([make_event(globex.uid)])

    assert overview(tenant=acme, since=NOON, until=NOON + _HOUR).calls == 0


def test_overview__a_month__one_query(
    acme: Tenant, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_num_queries(1):
        overview(tenant=acme, since=NOON - timedelta(days=30), until=NOON)
