"""Whatever JSON arrives, the answer is a refusal or a success, never a fault."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rest_framework.test import APIClient

from cache_admin.models import Revision, Tenant

TENANT = "/api/v1/tenants/acme/"
VALID: dict[str, dict[str, Any]] = {
    "/api/v1/tenants/": {"slug": "initech", "name": "Initech"},
    f"{TENANT}policies/": {
        "name": "orders",
        "content_class": "real_time",
        "min_similarity": 0.8,
        "min_margin": 0,
        "ttl_seconds": 45,
        "scope": "tenant",
        "match_endpoints": ["/chat"],
        "match_tags": [],
        "match_models": [],
        "priority": 1,
        "documents": [],
        "enabled": True,
    },
    f"{TENANT}faqs/": {
        "question": "Where is my parcel?",
        "aliases": ["Track it"],
        "answer": "See the tracking page.",
        "language": "en",
        "owner": None,
        "review_on": "2027-01-31",
        "enabled": True,
    },
    f"{TENANT}documents/": {"slug": "manual", "title": "Manual"},
    f"{TENANT}keys/": {"name": "ci", "scopes": ["read"], "expires_at": "2030-01-01T00:00:00Z"},
    f"{TENANT}revisions/NEWEST/rollback/": {"note": "back"},
}

# Lone surrogates included: legal in JSON, impossible in UTF-8.
TEXTS = st.text(st.characters(exclude_categories=()), max_size=20)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=8,
)
FUZZ = settings(
    max_examples=40,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@pytest.fixture
def send(superuser: APIClient, acme: Tenant) -> Callable[[str, object], int]:
    def post(address: str, body: object) -> int:
        newest = str(Revision.objects.latest("number").number)
        response = superuser.generic(
            "POST", address.replace("NEWEST", newest), json.dumps(body), "application/json"
        )
        assert response.status_code < 400 or set(response.json()) == {"error"}
        return int(response.status_code)

    return post


@pytest.mark.parametrize("address", VALID)
@FUZZ
@given(body=JSON)
def test_write__any_json__is_never_a_fault(
    send: Callable[[str, object], int], address: str, body: object
) -> None:
    assert send(address, body) in {201, 400, 409}


@pytest.mark.parametrize("address", VALID)
@FUZZ
@given(data=st.data())
def test_write__one_field_of_any_type__is_never_a_fault(
    send: Callable[[str, object], int], address: str, data: st.DataObject
) -> None:
    field = data.draw(st.sampled_from(sorted(VALID[address])))
    body = {**VALID[address], field: data.draw(JSON)}

    assert send(address, body) in {201, 400, 409}
