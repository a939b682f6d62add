"""The policies that no hit is possible under, in the figures of a tenant."""

from __future__ import annotations

import pytest
import redis
from pytest_django import Settings
from rest_framework.test import APIClient

from cache_admin.models import Policy, Tenant
from cache_admin.services.policies import PolicySpec, create_policy
from routing import redis_names
from routing.splits import SplitReport, encode_report
from tests.api.conftest import SETUP

OVERVIEW = "/api/v1/tenants/acme/overview/"


@pytest.fixture
def cache(redis_client: redis.Redis, redis_url: str, settings: Settings) -> redis.Redis:
    """The Redis that runtimes and API share."""
    settings.REDIS_URL = redis_url
    return redis_client


def make_policy(tenant: Tenant) -> Policy:
    spec = PolicySpec(name="chat", content_class="frequent_faq")
    return create_policy(tenant=tenant, actor=SETUP, spec=spec)


def tell(cache: redis.Redis, policy: Policy) -> None:
    """What a runtime writes of `policy`."""
    report = SplitReport(
        tenant=policy.tenant.uid,
        policy=policy.uid,
        calls=200,
        partitions=198,
        part="system_prompt",
        before="It is 12:01.",
        after="It is 12:02.",
    )
    cache.set(redis_names.split(report.tenant, report.policy), encode_report(report))


def test_overview__calls_share_nothing__told_with_what_differs(
    viewer: APIClient, acme: Tenant, cache: redis.Redis
) -> None:
    policy = make_policy(acme)
    tell(cache, policy)

    assert viewer.get(OVERVIEW).json()["splits"] == [
        {
            "policy": policy.uid,
            "name": "chat",
            "calls": 200,
            "partitions": 198,
            "part": "system_prompt",
            "before": "It is 12:01.",
            "after": "It is 12:02.",
        }
    ]


def test_overview__nothing_reported__no_splits(
    viewer: APIClient, acme: Tenant, cache: redis.Redis
) -> None:
    make_policy(acme)

    assert viewer.get(OVERVIEW).json()["splits"] == []


def test_overview__other_tenants_policy__left_out(
    viewer: APIClient, acme: Tenant, globex: Tenant, cache: redis.Redis
) -> None:
    make_policy(acme)
    tell(cache, make_policy(globex))

    assert viewer.get(OVERVIEW).json()["splits"] == []


def test_overview__redis_away__figures_all_the_same(viewer: APIClient, acme: Tenant) -> None:
    make_policy(acme)

    response = viewer.get(OVERVIEW)

    assert (response.status_code, response.json()["splits"]) == (200, [])
