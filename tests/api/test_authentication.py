from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from django.contrib.auth.models import User
from rest_framework.test import APIClient

from cache_admin.models import ApiKey, Tenant
from tests.api.conftest import bearer

ACME = "/api/v1/tenants/acme/"
POLICIES = f"{ACME}policies/"
NEW_POLICY = {"name": "orders", "content_class": "real_time", "ttl_seconds": 45}

WithKey = Callable[..., APIClient]


def test_anonymous__any_address__is_challenged(acme: Tenant) -> None:
    response = APIClient().get(ACME)

    assert response.status_code == 401
    assert response.headers["WWW-Authenticate"] == 'Bearer realm="reprise"'


@pytest.mark.parametrize("text", ["rp_unknown", "", "rp_ünknown", "a b c"])
def test_key__unknown__is_refused(acme: Tenant, text: str) -> None:
    assert bearer(text).get(ACME).status_code == 401


def test_key__with_read_scope__reads(with_key: WithKey) -> None:
    assert with_key("read").get(POLICIES).status_code == 200


def test_key__with_read_scope__does_not_write(with_key: WithKey) -> None:
    assert with_key("read").post(POLICIES, NEW_POLICY).status_code == 403


def test_key__with_write_scope__reads_and_writes(with_key: WithKey) -> None:
    client = with_key("write")

    assert client.get(POLICIES).status_code == 200
    assert client.post(POLICIES, NEW_POLICY).status_code == 201


@pytest.mark.parametrize("address", ["/api/v1/tenants/", ACME, POLICIES, "/api/v1/schema/"])
def test_key__with_call_scope_alone__opens_nothing(with_key: WithKey, address: str) -> None:
    assert with_key("call").get(address).status_code == 403


def test_key__of_one_tenant__does_not_see_another(with_key: WithKey, globex: Tenant) -> None:
    client = with_key("write")

    assert client.get("/api/v1/tenants/globex/").status_code == 404
    assert [t["slug"] for t in client.get("/api/v1/tenants/").json()["results"]] == ["acme"]


@pytest.mark.parametrize(
    "change",
    [
        {"revoked_at": datetime(2026, 1, 1, tzinfo=UTC)},
        {"expires_at": datetime(2026, 1, 1, tzinfo=UTC)},
    ],
)
def test_key__past_its_end__is_refused(with_key: WithKey, change: dict[str, datetime]) -> None:
    client = with_key("read")
    ApiKey.objects.update(**change)

    assert client.get(ACME).status_code == 401


def test_key__of_disabled_tenant__is_refused(with_key: WithKey, acme: Tenant) -> None:
    client = with_key("read")
    Tenant.objects.update(enabled=False)

    assert client.get(ACME).status_code == 401


def test_session__without_csrf_token__does_not_write(acme: Tenant) -> None:
    client = APIClient(enforce_csrf_checks=True)
    client.force_login(User.objects.create_superuser(username="root"))

    assert client.post(POLICIES, NEW_POLICY).status_code == 403


def test_session__with_csrf_token__writes(acme: Tenant) -> None:
    client = APIClient(enforce_csrf_checks=True)
    client.force_login(User.objects.create_superuser(username="root"))
    client.cookies["csrftoken"] = token = "a" * 32

    assert client.post(POLICIES, NEW_POLICY, headers={"X-CSRFToken": token}).status_code == 201


def test_session__of_inactive_person__is_refused(viewer: APIClient) -> None:
    User.objects.update(is_active=False)

    assert viewer.get(ACME).status_code == 401


def test_viewer__of_one_tenant__may_not_write_there(viewer: APIClient) -> None:
    assert viewer.post(POLICIES, NEW_POLICY).status_code == 403
