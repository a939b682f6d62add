from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from rest_framework.test import APIClient

from cache_admin.models import ApiKey, AuditEntry, Document, Policy, Revision, Tenant
from cache_admin.services.policies import PolicySpec, create_policy
from routing.snapshot import ContentClass, LearnedCheck, PolicyConfig
from tests.api.conftest import SETUP

POLICIES = "/api/v1/tenants/acme/policies/"
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


@pytest.fixture
def returns(acme: Tenant) -> Policy:
    """A policy named returns, without documents, at version 1."""
    spec = PolicySpec(
        name="returns",
        content_class="frequent_faq",
        min_similarity=Decimal("0.82"),
        min_margin=Decimal("0.05"),
        ttl_seconds=3600,
        scope="tenant",
        match_endpoints=("/chat",),
        match_tags=(),
        match_models=(),
        priority=5,
        documents=(),
        enabled=True,
    )
    return create_policy(tenant=acme, actor=SETUP, spec=spec)


def address(policy: Policy) -> str:
    return f"{POLICIES}{policy.uid}/"


def new_policy(**changes: Any) -> dict[str, Any]:
    return {"name": "orders", "content_class": "real_time", "ttl_seconds": 45, **changes}


def test_policy__read__shows_numbers_and_etag(viewer: APIClient, returns: Policy) -> None:
    response = viewer.get(address(returns))

    assert response.headers["ETag"] == '"1"'
    assert b'"min_similarity":0.82,"min_margin":0.05,"disabled_guards":[]' in response.content


def test_policies__listed__in_order_of_name(viewer: APIClient, returns: Policy) -> None:
    names = [policy["name"] for policy in viewer.get(POLICIES).json()["results"]]

    assert "returns" in names
    assert names == sorted(names)


def test_policy__created__takes_defaults_and_names_its_revision(operator: APIClient) -> None:
    response = operator.post(POLICIES, new_policy())

    assert response.status_code == 201
    assert response.json()["min_similarity"] == 0.79
    assert response.headers["X-Revision"] == str(Revision.objects.latest("number").number)


def test_policy__similarity_as_text__is_understood(operator: APIClient) -> None:
    response = operator.post(POLICIES, new_policy(min_similarity="0.8150"))

    assert response.json()["min_similarity"] == 0.815


def test_policy__created_by_key__is_audited_under_the_key(with_key: Any) -> None:
    with_key("write").post(POLICIES, new_policy())

    prefix = ApiKey.objects.get().prefix
    assert AuditEntry.objects.latest("pk").actor_label == f"key {prefix} (automation)"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("min_similarity", 1.2),
        ("min_similarity", "0.81234"),
        ("ttl_seconds", 0),
        ("ttl_seconds", 10**30),
        ("content_class", "sometimes"),
        ("scope", None),
        ("match_tags", "vip"),
        ("documents", ["no-such-document"]),
        ("name", "Not A Slug"),
        ("colour", "blue"),
        ("disabled_guards", ["moods"]),
        ("disabled_guards", ["never_merge"]),
        ("disabled_guards", "dates"),
        ("jitter", 0.6),
        ("stale_seconds", -1),
        ("single_flight", "often"),
        ("generation", 2),
        ("learned", {}),
        ("uid", "aaaaaaaaaaaaaaaa"),
    ],
)
def test_policy__bad_value__is_refused_naming_the_field(
    operator: APIClient, field: str, value: object
) -> None:
    response = operator.post(POLICIES, new_policy(**{field: value}))

    assert response.status_code == 400
    assert [name.partition(".")[0] for name in response.json()["error"]["fields"]] == [field]


@pytest.mark.parametrize(
    ("group", "field", "value"),
    [
        ("context", "conversation", "some"),
        ("context", "last_turns", 51),
        ("context", "weather", True),
        ("store", "max_chars", 0),
        ("store", "min_chars", 100_001),
        ("store", "personal_data", None),
    ],
)
def test_policy__bad_value_within__is_refused_naming_the_part(
    operator: APIClient, group: str, field: str, value: object
) -> None:
    response = operator.post(POLICIES, new_policy(**{group: {field: value}}))

    assert response.status_code == 400
    assert list(response.json()["error"]["fields"]) == [f"{group}.{field}"]


@pytest.mark.parametrize("value", [None, [], "all"])
def test_policy__rule_is_no_object__is_refused(operator: APIClient, value: object) -> None:
    response = operator.post(POLICIES, new_policy(store=value))

    assert [name.partition(".")[0] for name in response.json()["error"]["fields"]] == ["store"]


def test_policy__created__rules_take_their_defaults(operator: APIClient) -> None:
    body = operator.post(POLICIES, new_policy(context={"tools": False})).json()

    defaults = PolicyConfig("u", "n", ContentClass.ARCHIVAL, 0.8, 1)
    assert body["context"] == msgspec.to_builtins(defaults.context) | {"tools": False}
    assert body["store"] == msgspec.to_builtins(defaults.store)


def test_policy__part_of_a_rule_patched__rest_of_it_stays(
    operator: APIClient, returns: Policy
) -> None:
    anything = {"If-Match": "*"}
    operator.patch(address(returns), {"store": {"refusals": True}}, headers=anything)

    response = operator.patch(address(returns), {"store": {"max_chars": 9}}, headers=anything)

    store = response.json()["store"]
    assert (store["refusals"], store["max_chars"], store["min_chars"]) == (True, 9, 1)


def test_policy__part_put__resets_the_rest_of_the_rule(
    operator: APIClient, returns: Policy
) -> None:
    anything = {"If-Match": "*"}
    operator.patch(address(returns), {"store": {"refusals": True}}, headers=anything)

    body = new_policy(name="returns", store={"max_chars": 9})
    response = operator.put(address(returns), body, headers=anything)

    assert response.json()["store"]["refusals"] is False


def test_policy__guards_switched_off__in_our_order(operator: APIClient) -> None:
    response = operator.post(POLICIES, new_policy(disabled_guards=["slots", "dates"]))

    assert response.json()["disabled_guards"] == ["dates", "slots"]


def test_policy__learned__shown_without_its_coefficients(
    viewer: APIClient, returns: Policy
) -> None:
    check = LearnedCheck(0.9, ("similarity",), (0.8,), (0.1,), (2.5,), -1.0, NOON, 300)
    Policy.objects.filter(pk=returns.pk).update(learned=msgspec.to_builtins(check))

    assert viewer.get(address(returns)).json()["learned"] == {
        "min_probability": 0.9,
        "pairs": 300,
        "trained_at": "2026-01-01T12:00:00Z",
        "features": ["similarity"],
    }


def test_policy__name_taken__is_refused(operator: APIClient, returns: Policy) -> None:
    response = operator.post(POLICIES, new_policy(name="returns"))

    assert response.status_code in {400, 409}
    assert "name" in response.json()["error"]["fields"]


def test_policy__patched__keeps_what_was_not_sent(operator: APIClient, returns: Policy) -> None:
    response = operator.patch(
        address(returns), {"min_similarity": 0.9}, headers={"If-Match": '"1"'}
    )

    assert response.status_code == 200
    policy = Policy.objects.get(uid=returns.uid)
    assert (policy.min_similarity, policy.priority) == (Decimal("0.9"), 5)
    assert policy.match_endpoints == ["/chat"]


def test_policy__patched__answers_with_the_next_etag(operator: APIClient, returns: Policy) -> None:
    response = operator.patch(address(returns), {"priority": 6}, headers={"If-Match": '"1"'})

    assert (response.headers["ETag"], response.json()["version"]) == ('"2"', 2)


def test_policy__put__resets_what_was_not_sent(operator: APIClient, returns: Policy) -> None:
    body = new_policy(name="returns")

    response = operator.put(address(returns), body, headers={"If-Match": '"1"'})

    assert response.json()["priority"] == 0
    assert response.json()["match_endpoints"] == []


def test_policy__read_and_sent_back__is_accepted(operator: APIClient, returns: Policy) -> None:
    body = operator.get(address(returns)).json()

    response = operator.put(address(returns), body, headers={"If-Match": '"1"'})

    assert response.status_code == 200


def test_policy__documents_given__are_tied(operator: APIClient, acme: Tenant) -> None:
    Document.objects.create(tenant=acme, slug="help-center", title="Help center")

    response = operator.post(POLICIES, new_policy(documents=["help-center"]))

    assert response.json()["documents"] == ["help-center"]


def test_policy__deleted__is_gone(operator: APIClient, returns: Policy) -> None:
    response = operator.delete(address(returns), headers={"If-Match": '"1"'})

    assert response.status_code == 204
    assert not Policy.objects.filter(uid=returns.uid).exists()


@pytest.mark.parametrize("method", ["put", "patch", "delete"])
def test_policy__edited_without_if_match__is_refused(
    operator: APIClient, returns: Policy, method: str
) -> None:
    response = getattr(operator, method)(address(returns), {"enabled": False})

    assert response.status_code == 428
    assert response.json()["error"]["code"] == "precondition_required"


@pytest.mark.parametrize("method", ["put", "patch", "delete"])
@pytest.mark.parametrize("etag", ['"7"', 'W/"1"', "1"])
def test_policy__edited_on_another_version__is_refused(
    operator: APIClient, returns: Policy, method: str, etag: str
) -> None:
    response = getattr(operator, method)(address(returns), {}, headers={"If-Match": etag})

    assert response.status_code == 412
    assert response.json()["error"]["code"] == "stale_edit"


def test_policy__if_match_any__edits_the_current_version(
    operator: APIClient, returns: Policy
) -> None:
    response = operator.patch(address(returns), {"enabled": False}, headers={"If-Match": "*"})

    assert response.json()["enabled"] is False


@pytest.mark.parametrize("method", ["put", "patch", "delete"])
def test_policy__edited_by_curator__is_refused(
    curator: APIClient, returns: Policy, method: str
) -> None:
    response = getattr(curator, method)(address(returns), {}, headers={"If-Match": '"1"'})

    assert response.status_code == 403


def test_policy__created_by_viewer__is_refused(viewer: APIClient) -> None:
    assert viewer.post(POLICIES, new_policy()).status_code == 403


@pytest.mark.parametrize("method", ["get", "put", "patch", "delete"])
def test_policy__of_another_tenant__does_not_exist(
    outsider: APIClient, returns: Policy, method: str
) -> None:
    response = getattr(outsider, method)(address(returns), headers={"If-Match": '"1"'})

    assert response.status_code == 404


def test_policy__reached_through_own_tenant__does_not_exist(
    outsider: APIClient, returns: Policy
) -> None:
    assert outsider.get(f"/api/v1/tenants/globex/policies/{returns.uid}/").status_code == 404


def test_policies__many_listed__take_the_same_queries(
    viewer: APIClient, acme: Tenant, django_assert_max_num_queries: Any
) -> None:
    documents = [Document(tenant=acme, slug=f"d{n}", title="D") for n in range(3)]
    Document.objects.bulk_create(documents)
    for policy in Policy.objects.for_tenant(acme):
        policy.documents.set(documents)

    with django_assert_max_num_queries(5):
        viewer.get(POLICIES)
