"""The published description of the API, and the promises that hold for all of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.core.management import call_command
from rest_framework.test import APIClient

from cache_admin.models import Tenant

PUBLISHED = Path(__file__).resolve().parents[2] / "docs" / "openapi.yaml"
OF_A_TENANT = "/api/v1/tenants/acme/"


def generated(target: Path) -> str:
    """The schema as it is now; a warning or an invalid document raises."""
    call_command("spectacular", file=str(target), validate=True, fail_on_warn=True)
    return target.read_text()


def test_schema__published__is_current(tmp_path: Path) -> None:
    assert PUBLISHED.read_text() == generated(tmp_path / "openapi.yaml"), (
        "run: manage.py spectacular --validate --fail-on-warn --file docs/openapi.yaml"
    )


def test_schema__served__names_both_ways_in(viewer: APIClient) -> None:
    response = viewer.get("/api/v1/schema/", headers={"Accept": "application/json"})

    assert set(response.json()["components"]["securitySchemes"]) == {"apiKey", "cookieAuth"}


@pytest.fixture(scope="module")
def operations() -> list[tuple[str, str]]:
    """Method and address of everything published, in the tenant acme."""

    def found() -> Iterator[tuple[str, str]]:
        for template, path in yaml.safe_load(PUBLISHED.read_text())["paths"].items():
            address = template.replace("{slug}", "acme").replace("{number}", "1")
            for method in path:
                yield method, address.replace("{uid}", "a" * 16)

    return list(found())


def statuses(client: APIClient, operations: list[tuple[str, str]]) -> set[int]:
    return {getattr(client, method)(address).status_code for method, address in operations}


def test_every_operation__anonymous__is_refused(
    operations: list[tuple[str, str]], acme: Tenant
) -> None:
    assert statuses(APIClient(), operations) == {401}


def test_every_operation__key_for_calls__is_refused(
    operations: list[tuple[str, str]], with_key: Callable[..., APIClient]
) -> None:
    assert statuses(with_key("call"), operations) == {403}


def test_every_operation__in_another_tenant__does_not_exist(
    operations: list[tuple[str, str]], outsider: APIClient, acme: Tenant
) -> None:
    there = [operation for operation in operations if operation[1].startswith(OF_A_TENANT)]

    assert statuses(outsider, there) == {404}


def test_every_write__by_a_viewer__is_refused(
    operations: list[tuple[str, str]], viewer: APIClient
) -> None:
    writes = [operation for operation in operations if operation[0] != "get"]

    assert statuses(viewer, writes) == {403}


def test_every_edit__in_the_schema__requires_if_match() -> None:
    paths: dict[str, Any] = yaml.safe_load(PUBLISHED.read_text())["paths"]

    without = [
        f"{method} {address}"
        for address, path in paths.items()
        for method in {"put", "patch", "delete"} & path.keys()
        if "If-Match" not in {parameter["name"] for parameter in path[method]["parameters"]}
    ]
    assert sorted(without) == [
        "delete /api/v1/tenants/{slug}/event-secrets/{uid}/",
        "delete /api/v1/tenants/{slug}/keys/{uid}/",
    ]
