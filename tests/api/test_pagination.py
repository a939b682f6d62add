from __future__ import annotations

import base64

import pytest
from rest_framework.test import APIClient

from cache_admin.models import Document, Faq, Tenant
from cache_admin.services.documents import create_document
from tests.cache_admin.builders import ROBOT

DOCUMENTS = "/api/v1/tenants/acme/documents/"
FAQS = "/api/v1/tenants/acme/faqs/"
REVISIONS = "/api/v1/tenants/acme/revisions/"


def documents(tenant: Tenant, *slugs: str) -> None:
    Document.objects.bulk_create(Document(tenant=tenant, slug=s, title=s) for s in slugs)


def slugs_at(client: APIClient, address: str) -> tuple[list[str], str | None]:
    body = client.get(address).json()
    return [document["slug"] for document in body["results"]], body["next"]


def test_pages__followed__show_every_item_once(viewer: APIClient, acme: Tenant) -> None:
    documents(acme, "e", "d", "c", "b", "a")
    seen: list[str] = []
    address: str | None = f"{DOCUMENTS}?page_size=2"

    while address:
        slugs, address = slugs_at(viewer, address)
        seen += slugs

    assert seen == ["a", "b", "c", "d", "e"]


def test_pages__row_added_before__do_not_repeat_items(viewer: APIClient, acme: Tenant) -> None:
    documents(acme, "b", "c", "d")
    _first, address = slugs_at(viewer, f"{DOCUMENTS}?page_size=2")
    documents(acme, "a")

    slugs, _end = slugs_at(viewer, str(address))

    assert slugs == ["d"]


def test_page__exactly_full__is_the_last(viewer: APIClient, acme: Tenant) -> None:
    documents(acme, "a", "b")

    assert slugs_at(viewer, f"{DOCUMENTS}?page_size=2") == (["a", "b"], None)


def test_page_size__above_the_cap__is_lowered(viewer: APIClient, acme: Tenant) -> None:
    documents(acme, *(f"d{n:03}" for n in range(205)))

    slugs, _next = slugs_at(viewer, f"{DOCUMENTS}?page_size=100000")

    assert len(slugs) == 200


def test_revision_pages__followed__go_back_in_time(viewer: APIClient, acme: Tenant) -> None:
    create_document(tenant=acme, actor=ROBOT, slug="manual", title="Manual")
    first = viewer.get(f"{REVISIONS}?page_size=1").json()

    second = viewer.get(first["next"]).json()

    assert second["results"][0]["number"] == first["results"][0]["number"] - 1
    assert second["next"] is None


@pytest.mark.parametrize("size", ["0", "-1", "ten", "", "9" * 30])
def test_page_size__malformed__is_refused(viewer: APIClient, size: str) -> None:
    response = viewer.get(DOCUMENTS, {"page_size": size})

    assert list(response.json()["error"]["fields"]) == ["page_size"]


@pytest.mark.parametrize("position", ["", "a b", "1; drop", "\0", "é", "9" * 19, "-1", "x"])
@pytest.mark.parametrize("address", [FAQS, REVISIONS])
def test_cursor__of_our_own_making_no_more__is_refused(
    viewer: APIClient, address: str, position: str
) -> None:
    cursor = base64.urlsafe_b64encode(position.encode()).decode()

    response = viewer.get(address, {"cursor": cursor})

    assert list(response.json()["error"]["fields"]) == ["cursor"]


@pytest.mark.parametrize("cursor", ["%%%", "ü", "YQ"])
def test_cursor__no_base64__is_refused(viewer: APIClient, cursor: str) -> None:
    response = viewer.get(DOCUMENTS, {"cursor": cursor})

    assert list(response.json()["error"]["fields"]) == ["cursor"]


def test_faqs__many_listed__take_the_same_queries(
    viewer: APIClient, acme: Tenant, django_assert_max_num_queries: object
) -> None:
    Faq.objects.bulk_create(Faq(tenant=acme, question=f"Q{n}", answer="A") for n in range(30))

    with django_assert_max_num_queries(5):  # type: ignore[operator]  # untyped fixture
        viewer.get(FAQS)
