"""Whatever goes wrong, the answer has one shape."""

from __future__ import annotations

import logging
import re
import time
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.cache import cache
from django.db import connection
from rest_framework.test import APIClient

from cache_admin.models import Tenant

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs" / "api.md"
POLICIES = "/api/v1/tenants/acme/policies/"


def assert_shape(response: Any, *, status: int, code: str) -> dict[str, Any]:
    assert response.status_code == status
    assert response.headers["Content-Type"].startswith("application/json")
    body = response.json()
    assert set(body) == {"error"}
    assert set(body["error"]) == {"code", "message", "fields"}
    assert body["error"]["code"] == code
    assert body["error"]["message"]
    fields: dict[str, Any] = body["error"]["fields"]
    assert all(isinstance(texts, list) for texts in fields.values())
    return fields


def test_error__anonymous__has_the_shape(acme: Tenant) -> None:
    assert_shape(APIClient().get(POLICIES), status=401, code="not_authenticated")


def test_error__no_right__has_the_shape(viewer: APIClient) -> None:
    assert_shape(viewer.post(POLICIES, {}), status=403, code="permission_denied")


@pytest.mark.parametrize(
    "address",
    [
        "/api/v1/",
        "/api/nothing",
        "/api/v1/nothing/",
        "/api/v1/tenants",
        "/api/v1/tenants/acme/nothing",
        "/api/v1/tenants/acme/policies/aaaaaaaaaaaaaaaa/",
        "/api/v1/tenants/acme/revisions/99999999999999999999/",
    ],
)
def test_error__nothing_there__has_the_shape(viewer: APIClient, address: str) -> None:
    assert_shape(viewer.get(address), status=404, code="not_found")


@pytest.mark.parametrize("method", ["put", "delete", "options"])
def test_error__wrong_method__has_the_shape(viewer: APIClient, method: str) -> None:
    assert_shape(getattr(viewer, method)(POLICIES), status=405, code="method_not_allowed")


def test_error__wrong_accept__has_the_shape(viewer: APIClient) -> None:
    response = viewer.get(POLICIES, headers={"Accept": "text/html"})

    assert_shape(response, status=406, code="not_acceptable")


def test_error__form_sent__has_the_shape(operator: APIClient) -> None:
    response = operator.post(POLICIES, "name=x", content_type="application/x-www-form-urlencoded")

    assert_shape(response, status=415, code="unsupported_media_type")


@pytest.mark.parametrize("size", [1_100_000, 3_000_000])
def test_error__body_too_large__has_the_shape(operator: APIClient, size: int) -> None:
    response = operator.post(POLICIES, {"name": "x" * size})

    assert_shape(response, status=413, code="payload_too_large")


def test_error__body_without_length__has_the_shape(operator: APIClient) -> None:
    response = operator.post(POLICIES, headers={"Transfer-Encoding": "chunked"})

    assert_shape(response, status=411, code="length_required")


@pytest.mark.parametrize("body", ["{", b"\xff\xfe", "[" * 100_000, '{"ttl_seconds": NaN}'])
def test_error__malformed_json__has_the_shape(operator: APIClient, body: str) -> None:
    response = operator.post(POLICIES, body, content_type="application/json")

    assert_shape(response, status=400, code="parse_error")


@pytest.mark.parametrize("body", ["null", "[]", '"text"', "7"])
def test_error__json_of_another_kind__names_the_body(operator: APIClient, body: str) -> None:
    response = operator.post(POLICIES, body, content_type="application/json")

    assert list(assert_shape(response, status=400, code="invalid_input")) == ["body"]


def test_error__bad_list_item__is_named_by_its_place(operator: APIClient) -> None:
    body = {"name": "x", "content_class": "real_time", "ttl_seconds": 1, "match_tags": ["a", {}]}

    fields = assert_shape(operator.post(POLICIES, body), status=400, code="invalid_input")

    assert list(fields) == ["match_tags.1"]


def test_error__missing_precondition__has_the_shape(owner: APIClient) -> None:
    response = owner.patch("/api/v1/tenants/acme/", {"name": "A"})

    assert_shape(response, status=428, code="precondition_required")


def test_error__too_many_requests__has_the_shape(viewer: APIClient) -> None:
    viewer_pk = User.objects.get(username="viewer").pk
    cache.set(f"throttle_principal_user:{viewer_pk}", [time.time()] * 600)

    response = viewer.get(POLICIES)

    assert_shape(response, status=429, code="throttled")
    assert 1 <= int(response.headers["Retry-After"]) <= 61


def test_error__unforeseen__is_logged_and_tells_nothing(
    viewer: APIClient, caplog: pytest.LogCaptureFixture
) -> None:
    viewer.raise_request_exception = False

    def fail(*_args: object) -> None:
        raise RuntimeError("the secret cause")

    with caplog.at_level(logging.ERROR), connection.execute_wrapper(fail):
        response = viewer.get("/api/v1/tenants/")

    assert_shape(response, status=500, code="internal_error")
    assert "secret cause" not in response.content.decode()
    assert "api.failed" in [record.message for record in caplog.records]


def test_error__message_in_spanish__keeps_its_code(viewer: APIClient) -> None:
    response = viewer.post(POLICIES, {}, headers={"Accept-Language": "es"})

    assert_shape(response, status=403, code="permission_denied")
    assert "permiso" in response.json()["error"]["message"]


def test_error__every_code__is_documented() -> None:
    documented = set(re.findall(r"^\| \d{3} \| `(\w+)`", DOCS.read_text(), re.MULTILINE))

    # parse_error is DRF's own; nothing raises the base of the domain errors.
    assert documented == codes_in_sources() - {"error"} | {"parse_error"}


def codes_in_sources() -> set[str]:
    package = ROOT / "cache_admin"
    files = [package / "errors.py", *package.glob("services/*.py"), *package.glob("api/*.py")]
    named = r'(?:default_code(?:: ClassVar\[str\])? = |\bcode=|error_body\(|\b\d{3}: )"(\w+)"'
    return {code for file in files for code in re.findall(named, file.read_text())}
