from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from rest_framework.test import APIClient

from cache_admin.models import HourlyRollup, Tenant

OVERVIEW = "/api/v1/tenants/acme/overview/"
DAY = {"since": "2026-11-01T00:00:00Z", "until": "2026-11-02T00:00:00Z"}


def hour_of_calls(tenant: Tenant, **values: Any) -> None:
    at = datetime(2026, 11, 1, 9, tzinfo=UTC)
    HourlyRollup.objects.create(tenant=tenant, hour=at, **values)


def test_overview__with_calls__sums_them_in_nanousd(viewer: APIClient, acme: Tenant) -> None:
    hour_of_calls(acme, layer="exact", result="hit", calls=3, avoided_nanousd=900)
    hour_of_calls(acme, layer="none", result="miss", calls=1, cost_nanousd=12_345_678_901)

    body = viewer.get(OVERVIEW, DAY).json()

    assert (body["calls"], body["hits"], body["hit_rate"]) == (4, 3, 0.75)
    assert (body["cost_nanousd"], body["avoided_nanousd"]) == (12_345_678_901, 900)


def test_overview__by_layer__names_every_layer(viewer: APIClient, acme: Tenant) -> None:
    hour_of_calls(acme, layer="faq", result="hit", calls=2)

    body = viewer.get(OVERVIEW, DAY).json()

    counts = {row["layer"]: row["calls"] for row in body["by_layer"]}
    assert counts == {"faq": 2, "exact": 0, "semantic": 0, "none": 0}


def test_overview__by_hour__covers_the_whole_range(viewer: APIClient, acme: Tenant) -> None:
    hours = viewer.get(OVERVIEW, DAY).json()["hours"]

    assert [hours[0]["hour"], hours[-1]["hour"]] == ["2026-11-01T00:00:00Z", "2026-11-01T23:00:00Z"]


def test_overview__without_calls__has_no_hit_rate(viewer: APIClient) -> None:
    assert viewer.get(OVERVIEW).json()["hit_rate"] is None


def test_overview__of_one_tenant__leaves_others_out(
    viewer: APIClient, acme: Tenant, globex: Tenant
) -> None:
    hour_of_calls(globex, layer="exact", result="hit", calls=3)

    assert viewer.get(OVERVIEW, DAY).json()["calls"] == 0


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"since": "yesterday"}, "since"),
        ({"until": "2026-11-02T00:00:00"}, "until"),
        ({"since": "2026-11-02T00:00:00Z", "until": "2026-11-01T00:00:00Z"}, "since"),
        ({"since": "2001-01-01T00:00:00Z"}, "since"),
        ({"until": "0001-01-01T00:00:00Z"}, "until"),
        ({"from": "2026-11-01T00:00:00Z"}, "from"),
    ],
)
def test_overview__bad_range__is_refused_naming_it(
    viewer: APIClient, query: dict[str, str], field: str
) -> None:
    response = viewer.get(OVERVIEW, query)

    assert response.status_code == 400
    assert list(response.json()["error"]["fields"]) == [field]


def test_overview__of_another_tenant__does_not_exist(outsider: APIClient, acme: Tenant) -> None:
    assert outsider.get(OVERVIEW).status_code == 404
