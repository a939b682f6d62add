from __future__ import annotations

from typing import Any

import pytest
from rest_framework.test import APIClient

from cache_admin.models import Document, Revision, Tenant
from cache_admin.services.documents import create_document
from tests.api.conftest import SETUP

DOCUMENTS = "/api/v1/tenants/acme/documents/"


@pytest.fixture
def manual(acme: Tenant) -> Document:
    return create_document(tenant=acme, actor=SETUP, slug="manual", title="Manual")


def address(document: Document, tail: str = "") -> str:
    return f"{DOCUMENTS}{document.uid}/{tail}"


def test_documents__listed__show_their_version(viewer: APIClient, manual: Document) -> None:
    (shown,) = viewer.get(DOCUMENTS).json()["results"]

    assert (shown["slug"], shown["current_version"]) == ("manual", 1)


def test_document__created__starts_at_version_one(operator: APIClient) -> None:
    response = operator.post(DOCUMENTS, {"slug": "help-center", "title": "Help center"})

    assert response.status_code == 201
    assert response.json()["current_version"] == 1


@pytest.mark.parametrize(
    "body",
    [
        {"slug": "help center", "title": "Help"},
        {"slug": "manual", "title": "Taken"},
        {"slug": ["help"], "title": "Help"},
    ],
)
def test_document__bad_slug__is_refused(
    operator: APIClient, manual: Document, body: dict[str, object]
) -> None:
    response = operator.post(DOCUMENTS, body)

    assert response.status_code in {400, 409}
    assert list(response.json()["error"]["fields"]) == ["slug"]


def test_document__bumped__has_the_next_version_at_once(
    operator: APIClient, manual: Document
) -> None:
    response = operator.post(address(manual, "bump/"), {"note": "new prices"})

    assert response.status_code == 201
    assert (response.json()["number"], response.json()["note"]) == (2, "new prices")
    assert response.headers["X-Revision"] == str(Revision.objects.latest("number").number)
    assert Document.objects.get().current_version == 2


def test_document__bumped_without_body__has_an_empty_note(
    operator: APIClient, manual: Document
) -> None:
    assert operator.post(address(manual, "bump/")).json()["note"] == ""


def test_document__bumped_with_wrong_note__stays(operator: APIClient, manual: Document) -> None:
    response = operator.post(address(manual, "bump/"), {"note": {"why": "?"}})

    assert list(response.json()["error"]["fields"]) == ["note"]
    assert Document.objects.get().current_version == 1


def test_bump_preview__without_redis__does_not_guess(viewer: APIClient, manual: Document) -> None:
    assert viewer.get(address(manual, "bump/")).json() == {
        "current_version": 1,
        "retires_entries": None,
        "exact": False,
        "policies": [],
    }


def test_bump_preview__with_empty_redis__retires_nothing(
    viewer: APIClient, manual: Document, redis_url: str, settings: Any
) -> None:
    settings.REDIS_URL = redis_url

    assert viewer.get(address(manual, "bump/")).json()["retires_entries"] == 0


def test_document_versions__after_a_bump__newest_first(
    operator: APIClient, manual: Document
) -> None:
    operator.post(address(manual, "bump/"), {"note": "second"})

    versions = operator.get(address(manual, "versions/")).json()["results"]

    assert [version["number"] for version in versions] == [2, 1]
    assert versions[0]["created_by"] == "operator"


def test_document__retitled__keeps_its_version(operator: APIClient, manual: Document) -> None:
    response = operator.patch(address(manual), {"title": "Guide"}, headers={"If-Match": '"1"'})

    assert response.json()["title"] == "Guide"
    assert response.json()["current_version"] == 1


def test_document__stale_edit__is_refused(operator: APIClient, manual: Document) -> None:
    response = operator.patch(address(manual), {"title": "Guide"}, headers={"If-Match": '"8"'})

    assert response.status_code == 412


def test_document__bumped_by_curator__is_refused(curator: APIClient, manual: Document) -> None:
    assert curator.post(address(manual, "bump/")).status_code == 403


@pytest.mark.parametrize("tail", ["", "bump/", "versions/"])
def test_document__of_another_tenant__does_not_exist(
    outsider: APIClient, manual: Document, tail: str
) -> None:
    assert outsider.get(address(manual, tail)).status_code == 404


def test_document__bumped_from_another_tenant__stays(outsider: APIClient, manual: Document) -> None:
    assert outsider.post(address(manual, "bump/")).status_code == 404
    assert Document.objects.get().current_version == 1
