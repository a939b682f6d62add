"""What no database can hold is refused by the services, whichever surface it comes from."""

from __future__ import annotations

from typing import Any

import pytest

from cache_admin.errors import InvalidInput
from cache_admin.models import Tenant
from cache_admin.services.documents import bump_document, create_document, update_document
from cache_admin.services.keys import create_key
from cache_admin.services.policies import PolicySpec, create_policy
from cache_admin.services.tenants import create_tenant, update_tenant
from tests.cache_admin.builders import ROBOT, make_document

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    "bad",
    [
        {"priority": 2**31},
        {"priority": -(2**31) - 1},
        {"ttl_seconds": 2**40},
        {"match_endpoints": ("a,b",)},
        {"match_endpoints": ("line\nbreak",)},
        {"match_tags": ("nul\0",)},
        {"match_tags": ("half of a pair \ud83d",)},
        {"match_models": ("x" * 121,)},
        {"match_models": tuple(f"model-{number}" for number in range(101))},
        {"documents": tuple(f"document-{number}" for number in range(101))},
    ],
    ids=lambda bad: f"{next(iter(bad))} {str(next(iter(bad.values())))[:24]!a}",
)
def test_create_policy__more_than_can_be_kept__refused_naming_the_field(
    acme: Tenant, bad: dict[str, Any]
) -> None:
    spec = PolicySpec(name="chat", content_class="archival", **bad)

    with pytest.raises(InvalidInput) as caught:
        create_policy(tenant=acme, actor=ROBOT, spec=spec)

    assert list(caught.value.fields) == list(bad)


@pytest.mark.parametrize("name", ["nul\0", "\udc00", "x" * 121, " "])
def test_create_key__name_that_cannot_be_kept__refused(acme: Tenant, name: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        create_key(tenant=acme, actor=ROBOT, name=name)

    assert list(caught.value.fields) == ["name"]


@pytest.mark.parametrize("title", ["nul\0", "x" * 201])
def test_document__title_that_cannot_be_kept__refused(acme: Tenant, title: str) -> None:
    document = make_document(acme)

    with pytest.raises(InvalidInput):
        create_document(tenant=acme, actor=ROBOT, slug="other", title=title)
    with pytest.raises(InvalidInput):
        update_document(document=document, actor=ROBOT, title=title, expected_version=None)


@pytest.mark.parametrize("note", ["nul\0", "x" * 501])
def test_bump_document__note_that_cannot_be_kept__refused(acme: Tenant, note: str) -> None:
    document = make_document(acme)

    with pytest.raises(InvalidInput) as caught:
        bump_document(document=document, actor=ROBOT, note=note)

    assert list(caught.value.fields) == ["note"]
    assert document.versions.count() == 1


@pytest.mark.parametrize("name", ["nul\0", "x" * 121])
def test_tenant__name_that_cannot_be_kept__refused(acme: Tenant, name: str) -> None:
    with pytest.raises(InvalidInput):
        create_tenant(actor=ROBOT, slug="globex", name=name)
    with pytest.raises(InvalidInput):
        update_tenant(
            tenant=acme, actor=ROBOT, name=name, language="en", enabled=True, expected_version=None
        )
