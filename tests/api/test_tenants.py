from __future__ import annotations

from typing import Any

import pytest
from rest_framework.test import APIClient

from cache_admin.models import Membership, Policy, Role, Tenant

TENANTS = "/api/v1/tenants/"
ACME = "/api/v1/tenants/acme/"


def test_tenants__listed__are_the_callers_own(viewer: APIClient, globex: Tenant) -> None:
    body = viewer.get(TENANTS).json()

    assert [tenant["slug"] for tenant in body["results"]] == ["acme"]


def test_tenants__listed_by_superuser__are_all(
    superuser: APIClient, acme: Tenant, globex: Tenant
) -> None:
    body = superuser.get(TENANTS).json()

    assert [tenant["slug"] for tenant in body["results"]] == ["acme", "globex"]


def test_tenant__read__carries_its_etag(viewer: APIClient) -> None:
    response = viewer.get(ACME)

    assert response.json()["name"] == "Acme"
    assert response.headers["ETag"] == '"1"'


def test_tenant__created_by_superuser__has_its_policies_and_owner(superuser: APIClient) -> None:
    body = {"slug": "initech", "name": "Initech", "owner": "root"}

    response = superuser.post(TENANTS, body)

    assert response.status_code == 201
    assert Policy.objects.filter(tenant__slug="initech").count() == 5
    assert Membership.objects.get(tenant__slug="initech").role == Role.OWNER


def test_tenant__created_by_owner_of_another__is_refused(owner: APIClient) -> None:
    assert owner.post(TENANTS, {"slug": "initech", "name": "Initech"}).status_code == 403


def test_tenant__created_by_key__is_refused(with_key: Any) -> None:
    assert with_key("write").post(TENANTS, {"slug": "x", "name": "X"}).status_code == 403


@pytest.mark.parametrize(
    ("field", "value"),
    [("slug", "In Itech"), ("slug", "acme"), ("name", ""), ("language", 7), ("owner", "nobody")],
)
def test_tenant__created_with_bad_value__is_refused_naming_it(
    superuser: APIClient, acme: Tenant, field: str, value: object
) -> None:
    response = superuser.post(TENANTS, {"slug": "initech", "name": "Initech", field: value})

    assert response.status_code in {400, 409}
    assert list(response.json()["error"]["fields"]) == [field]


def test_tenant__renamed_by_owner__keeps_the_rest(owner: APIClient) -> None:
    response = owner.patch(ACME, {"name": "Acme Ltd"}, headers={"If-Match": '"1"'})

    assert response.json()["name"] == "Acme Ltd"
    assert response.json()["enabled"] is True


def test_tenant__slug_changed__is_refused(owner: APIClient) -> None:
    response = owner.patch(ACME, {"slug": "acme-2"}, headers={"If-Match": '"1"'})

    assert list(response.json()["error"]["fields"]) == ["slug"]


def test_tenant__renamed_by_operator__is_refused(operator: APIClient) -> None:
    response = operator.patch(ACME, {"name": "Mine"}, headers={"If-Match": '"1"'})

    assert response.status_code == 403


def test_tenant__renamed_by_key__is_refused(with_key: Any) -> None:
    response = with_key("write").patch(ACME, {"name": "Mine"}, headers={"If-Match": '"1"'})

    assert response.status_code == 403


def test_tenant__stale_edit__is_refused(owner: APIClient) -> None:
    response = owner.put(ACME, {"name": "Acme"}, headers={"If-Match": '"3"'})

    assert response.status_code == 412


@pytest.mark.parametrize("method", ["get", "put", "patch"])
def test_tenant__of_someone_else__does_not_exist(
    outsider: APIClient, acme: Tenant, method: str
) -> None:
    response = getattr(outsider, method)(ACME, headers={"If-Match": '"1"'})

    assert response.status_code == 404
