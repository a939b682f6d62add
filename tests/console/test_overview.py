from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from cache_admin.models import Tenant
from tests.console.builders import make_rollup
from tests.console.pages import text

THIS_HOUR = timezone.now().replace(minute=0, second=0, microsecond=0)


def test_overview__no_calls__shows_the_curl(viewer: Client) -> None:
    page = text(viewer.get("/t/acme/"))

    assert "No call in this span" in page
    assert "curl http" in page


def test_overview__calls__shown_in_tiles(acme: Tenant, viewer: Client) -> None:
    make_rollup(acme, hour=THIS_HOUR, layer="exact", result="hit", calls=3)
    make_rollup(acme, hour=THIS_HOUR, layer="none", result="miss", calls=1)

    page = text(viewer.get("/t/acme/"))

    assert "Calls 4" in page
    assert "Hit rate 75.0%" in page
    assert "Cost $0.00200" in page


def test_overview__charts__rows_also_as_tables(acme: Tenant, viewer: Client) -> None:
    make_rollup(acme, hour=THIS_HOUR, calls=3)

    page = text(viewer.get("/t/acme/"))

    assert page.count(f"{THIS_HOUR:%Y-%m-%d %H:%M}") == 4


def test_overview__30_days__summed_by_day(acme: Tenant, viewer: Client) -> None:
    day = THIS_HOUR.replace(hour=0) - timedelta(days=2)
    make_rollup(acme, hour=day + timedelta(hours=1), calls=3)
    make_rollup(acme, hour=day + timedelta(hours=5), calls=4)

    points = viewer.get("/t/acme/?range=30d").context["points"]

    assert [(point.hour, point.calls) for point in points if point.calls] == [(day, 7)]


def test_overview__calls_before_the_span__left_out(acme: Tenant, viewer: Client) -> None:
    make_rollup(acme, hour=THIS_HOUR - timedelta(hours=30))

    assert "No call in this span" in text(viewer.get("/t/acme/?range=24h"))


def test_overview__one_hour__says_since_when_it_counts(acme: Tenant, viewer: Client) -> None:
    page = viewer.get("/t/acme/?range=1h")

    first = page.context["points"][0].hour
    assert f"Since {first:%Y-%m-%d %H:%M}." in text(page)


@pytest.mark.parametrize("query", ["range=", "range=9y", "range[]=1h"])
def test_overview__nonsense_range__last_day(query: str, viewer: Client) -> None:
    assert viewer.get(f"/t/acme/?{query}").context["chosen"].name == "24h"


def test_overview__htmx__only_the_figures(viewer: Client) -> None:
    page = viewer.get("/t/acme/?range=7d", headers={"hx-request": "true"}).content.decode()

    assert page.strip().startswith('<div id="overview"')


def test_overview__other_tenants_calls__not_counted(
    acme: Tenant, globex: Tenant, viewer: Client
) -> None:
    make_rollup(globex, hour=THIS_HOUR)

    assert "No call in this span" in text(viewer.get("/t/acme/"))


def test_overview__spanish__numbers_and_words_in_spanish(acme: Tenant, viewer: Client) -> None:
    make_rollup(acme, hour=THIS_HOUR, calls=1234)
    viewer.cookies["django_language"] = "es"

    page = text(viewer.get("/t/acme/"))

    assert "Llamadas 1 234" in page
    assert "Tasa de aciertos 100,0 %" in page
