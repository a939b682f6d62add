from __future__ import annotations

from typing import Any

import pytest
from rest_framework.test import APIClient

from cache_admin.models import ApiKey, Tenant
from cache_admin.services.keys import create_key
from tests.api.conftest import SETUP, bearer

KEYS = "/api/v1/tenants/acme/keys/"


@pytest.fixture
def app_key(acme: Tenant) -> ApiKey:
    return create_key(tenant=acme, actor=SETUP, name="shop").key


def test_key__created__shows_its_text_once(operator: APIClient) -> None:
    response = operator.post(KEYS, {"name": "shop"})

    assert response.status_code == 201
    assert response.json()["text"].startswith(response.json()["prefix"])
    assert response.headers["Cache-Control"] == "no-store"


def test_keys__listed__never_show_text_or_digest(viewer: APIClient, app_key: ApiKey) -> None:
    response = viewer.get(KEYS)

    assert [key["uid"] for key in response.json()["results"]] == [app_key.uid]
    assert app_key.digest not in response.content.decode()
    assert "text" not in response.json()["results"][0]


def test_key__created_with_scopes_and_end__keeps_both(operator: APIClient) -> None:
    body = {"name": "ci", "scopes": ["read"], "expires_at": "2030-01-01T02:00:00+02:00"}

    response = operator.post(KEYS, body)

    assert response.json()["scopes"] == ["read"]
    assert response.json()["expires_at"] == "2030-01-01T00:00:00Z"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", ""),
        ("scopes", []),
        ("scopes", ["root"]),
        ("scopes", "read"),
        ("expires_at", "2030-01-01T00:00:00"),
        ("expires_at", "9999-12-31T23:59:59-14:00"),
        ("text", "rp_mine"),
    ],
)
def test_key__bad_value__is_refused_naming_the_field(
    operator: APIClient, field: str, value: object
) -> None:
    response = operator.post(KEYS, {"name": "shop", field: value})

    assert response.status_code == 400
    assert [name.partition(".")[0] for name in response.json()["error"]["fields"]] == [field]


def test_key__revoked__opens_nothing_any_more(operator: APIClient, acme: Tenant) -> None:
    created = create_key(tenant=acme, actor=SETUP, name="ci", scopes=("read",))

    response = operator.delete(f"{KEYS}{created.key.uid}/")

    assert response.status_code == 204
    assert bearer(created.text).get(KEYS).status_code == 401


def test_key__revoked__stays_listed(operator: APIClient, app_key: ApiKey) -> None:
    operator.delete(f"{KEYS}{app_key.uid}/")

    assert operator.get(f"{KEYS}{app_key.uid}/").json()["revoked_at"] is not None


def test_key__created_by_curator__is_refused(curator: APIClient) -> None:
    assert curator.post(KEYS, {"name": "shop"}).status_code == 403


def test_key__created_by_read_key__is_refused(with_key: Any) -> None:
    assert with_key("read").post(KEYS, {"name": "shop"}).status_code == 403


@pytest.mark.parametrize("method", ["get", "delete"])
def test_key__of_another_tenant__does_not_exist(
    outsider: APIClient, app_key: ApiKey, method: str
) -> None:
    assert getattr(outsider, method)(f"{KEYS}{app_key.uid}/").status_code == 404


@pytest.mark.parametrize("scopes", [["write"], ["call", "write"]])
def test_key__write_key_asks_for_another__is_refused_naming_the_remedy(
    with_key: Any, scopes: list[str]
) -> None:
    response = with_key("write").post(KEYS, {"name": "next", "scopes": scopes})

    assert response.status_code == 403
    assert response.json()["error"]["code"] == "key_grants_write"
    assert "manage.py create_key" in response.json()["error"]["message"]
    assert not ApiKey.objects.filter(name="next").exists()


def test_key__write_key_asks_for_an_app_key__is_created(with_key: Any) -> None:
    assert with_key("write").post(KEYS, {"name": "shop"}).status_code == 201


def test_key__person_asks_for_a_write_key__is_created(operator: APIClient) -> None:
    assert operator.post(KEYS, {"name": "ci", "scopes": ["write"]}).status_code == 201
