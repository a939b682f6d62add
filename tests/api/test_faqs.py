from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from rest_framework.test import APIClient

from cache_admin.models import Faq, Membership, Role, Tenant
from cache_admin.services.faqs import FaqSpec, create_faq
from tests.api.conftest import SETUP

FAQS = "/api/v1/tenants/acme/faqs/"


@pytest.fixture
def refund(acme: Tenant) -> Faq:
    spec = FaqSpec(
        question="How do I get a refund?",
        aliases=("Can I have my money back?",),
        answer="Open the order and choose Refund.",
        language="en",
        owner=None,
        review_on=None,
        enabled=True,
    )
    return create_faq(tenant=acme, actor=SETUP, spec=spec)


def address(faq: Faq) -> str:
    return f"{FAQS}{faq.uid}/"


def new_faq(**changes: Any) -> dict[str, Any]:
    return {"question": "Where is my parcel?", "answer": "See the tracking page.", **changes}


def test_faq__read__shows_aliases_without_the_question(viewer: APIClient, refund: Faq) -> None:
    body = viewer.get(address(refund)).json()

    assert body["question"] == "How do I get a refund?"
    assert body["aliases"] == ["Can I have my money back?"]


def test_faqs__listed__oldest_first(viewer: APIClient, refund: Faq) -> None:
    body = viewer.get(FAQS).json()

    assert [faq["uid"] for faq in body["results"]] == [refund.uid]
    assert body["next"] is None


def test_faq__created__is_kept_with_aliases(curator: APIClient) -> None:
    response = curator.post(FAQS, new_faq(aliases=["Track my order"], review_on="2027-01-31"))

    assert response.status_code == 201
    assert response.json()["aliases"] == ["Track my order"]
    assert response.json()["review_on"] == "2027-01-31"


def test_faq__owner_in_the_tenant__is_set(curator: APIClient, acme: Tenant) -> None:
    user = User.objects.create_user(username="lee")
    Membership.objects.create(tenant=acme, user=user, role=Role.CURATOR)

    response = curator.post(FAQS, new_faq(owner="lee"))

    assert response.json()["owner"] == "lee"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("question", ""),
        ("question", None),
        ("answer", " "),
        ("aliases", [["nested"]]),
        ("aliases", {"a": 1}),
        ("language", "english"),
        ("review_on", "soon"),
        ("owner", "stranger"),
        ("enabled", "maybe"),
    ],
)
def test_faq__bad_value__is_refused_naming_the_field(
    curator: APIClient, field: str, value: object
) -> None:
    response = curator.post(FAQS, new_faq(**{field: value}))

    assert response.status_code == 400
    assert [name.partition(".")[0] for name in response.json()["error"]["fields"]] == [field]


def test_faq__owner_of_another_tenant__is_refused(curator: APIClient, outsider: APIClient) -> None:
    response = curator.post(FAQS, new_faq(owner="outsider"))

    assert list(response.json()["error"]["fields"]) == ["owner"]


def test_faq__phrase_answered_elsewhere__conflicts(curator: APIClient, refund: Faq) -> None:
    response = curator.post(FAQS, new_faq(aliases=["how do i get a REFUND"]))

    assert response.status_code == 409
    assert "How do I get a refund?" in str(response.json()["error"])


def test_faq__patched__keeps_aliases(curator: APIClient, refund: Faq) -> None:
    response = curator.patch(address(refund), {"answer": "Ask us."}, headers={"If-Match": '"1"'})

    assert response.json()["aliases"] == ["Can I have my money back?"]
    assert response.json()["answer"] == "Ask us."


def test_faq__put__drops_aliases_not_sent(curator: APIClient, refund: Faq) -> None:
    response = curator.put(address(refund), new_faq(), headers={"If-Match": '"1"'})

    assert response.json()["aliases"] == []


def test_faq__deleted__is_gone(curator: APIClient, refund: Faq) -> None:
    response = curator.delete(address(refund), headers={"If-Match": '"1"'})

    assert response.status_code == 204
    assert not Faq.objects.exists()


@pytest.mark.parametrize("method", ["put", "patch", "delete"])
def test_faq__stale_edit__is_refused(curator: APIClient, refund: Faq, method: str) -> None:
    response = getattr(curator, method)(address(refund), new_faq(), headers={"If-Match": '"9"'})

    assert response.status_code == 412


@pytest.mark.parametrize("method", ["put", "patch", "delete"])
def test_faq__edited_by_viewer__is_refused(viewer: APIClient, refund: Faq, method: str) -> None:
    response = getattr(viewer, method)(address(refund), {}, headers={"If-Match": '"1"'})

    assert response.status_code == 403


@pytest.mark.parametrize("method", ["get", "put", "patch", "delete"])
def test_faq__of_another_tenant__does_not_exist(
    outsider: APIClient, refund: Faq, method: str
) -> None:
    response = getattr(outsider, method)(address(refund), headers={"If-Match": '"1"'})

    assert response.status_code == 404
