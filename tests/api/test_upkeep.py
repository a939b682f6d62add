"""Event rules and secrets, limits, clearing and removing by hand."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from rest_framework.test import APIClient

from cache_admin.models import EventSecret, Invalidation, Policy, Tenant
from cache_admin.services.events import add_event_secret
from routing.redis_names import user_digest
from tests.api.conftest import SETUP

HERE = "/api/v1/tenants/acme/"
ANY = {"If-Match": "*"}
RULE = {"event": "order_updated", "tag": "order:{id}"}


def test_event_rule__created__in_force(operator: APIClient) -> None:
    response = operator.post(f"{HERE}event-rules/", RULE)

    assert response.status_code == 201
    assert response.json().items() >= (RULE | {"enabled": True}).items()


@pytest.mark.parametrize(
    ("field", "value"), [("event", "two words"), ("tag", "order:{name}"), ("when", "now")]
)
def test_event_rule__bad_value__refused_naming_the_field(
    operator: APIClient, field: str, value: str
) -> None:
    response = operator.post(f"{HERE}event-rules/", RULE | {field: value})

    assert list(response.json()["error"]["fields"]) == [field]


def test_event_rule__patched_replaced_deleted__by_if_match(operator: APIClient) -> None:
    made = operator.post(f"{HERE}event-rules/", RULE).json()
    address = f"{HERE}event-rules/{made['uid']}/"

    patched = operator.patch(address, {"tag": "orders"}, headers={"If-Match": '"1"'}).json()
    put = operator.put(address, RULE | {"enabled": False}, headers={"If-Match": '"2"'}).json()
    gone = operator.delete(address, headers={"If-Match": '"3"'})

    assert (patched["tag"], put["enabled"], gone.status_code) == ("orders", False, 204)


def test_event_rule__by_curator__refused(curator: APIClient) -> None:
    assert curator.post(f"{HERE}event-rules/", RULE).status_code == 403


def test_event_secret__created__text_this_once_and_uncached(operator: APIClient) -> None:
    made = operator.post(f"{HERE}event-secrets/")
    [listed] = operator.get(f"{HERE}event-secrets/").json()["results"]

    assert made.headers["Cache-Control"] == "no-store"
    assert made.json()["text"].endswith(listed["hint"])
    assert "text" not in listed


def test_event_secret__third__limit_reached(operator: APIClient) -> None:
    codes = [operator.post(f"{HERE}event-secrets/").status_code for _turn in range(3)]

    assert codes == [201, 201, 403]


def test_event_secret__withdrawn__gone(operator: APIClient, acme: Tenant) -> None:
    secret = add_event_secret(tenant=acme, actor=SETUP).secret

    response = operator.delete(f"{HERE}event-secrets/{secret.uid}/")

    assert (response.status_code, EventSecret.objects.count()) == (204, 0)


def test_event_secret__of_another_tenant__does_not_exist(outsider: APIClient, acme: Tenant) -> None:
    secret = add_event_secret(tenant=acme, actor=SETUP).secret

    response = outsider.delete(f"/api/v1/tenants/globex/event-secrets/{secret.uid}/")

    assert response.status_code == 404


def test_limits__patched__rest_stays(operator: APIClient) -> None:
    operator.put(f"{HERE}limits/", {"max_entries": 10}, headers={"If-Match": '"1"'})

    response = operator.patch(f"{HERE}limits/", {"eviction": "lfu"}, headers={"If-Match": '"2"'})

    body = response.json()
    assert (body["max_entries"], body["max_bytes"], body["eviction"]) == (10, 0, "lfu")


@pytest.mark.parametrize(
    ("field", "value"), [("max_entries", -1), ("max_bytes", 2**63), ("eviction", "random")]
)
def test_limits__bad_value__refused_naming_the_field(
    operator: APIClient, field: str, value: object
) -> None:
    response = operator.patch(f"{HERE}limits/", {field: value}, headers=ANY)

    assert list(response.json()["error"]["fields"]) == [field]


def test_policy__cleared__generation_rises_and_removal_waits(
    operator: APIClient, acme: Tenant
) -> None:
    policy = Policy.objects.get(tenant=acme, name="archival")

    response = operator.post(f"{HERE}policies/{policy.uid}/clear/", {"note": "Wrong prices"})

    policy.refresh_from_db()
    body = response.json()
    assert (response.status_code, policy.generation) == (201, 2)
    assert (body["kind"], body["target"], body["state"]) == ("policy", "archival", "pending")
    assert (body["note"], body["receipt"]) == ("Wrong prices", None)


def test_tenant__cleared_with_a_key__audited_under_it(
    with_key: Callable[..., APIClient], acme: Tenant
) -> None:
    response = with_key("write").post(f"{HERE}clear/")

    acme.refresh_from_db()
    assert acme.generation == 2
    assert response.json()["requested_by"].startswith("key rp_")


@pytest.mark.parametrize("address", ["clear/", "policies/{policy}/clear/"])
def test_clear__previewed_without_redis__unknown(
    viewer: APIClient, acme: Tenant, address: str
) -> None:
    policy = Policy.objects.filter(tenant=acme).latest("pk")

    response = viewer.get(HERE + address.format(policy=policy.uid))

    assert response.json() == {"retires_entries": None, "exact": False}


def test_invalidation__of_a_user__shows_a_digest_only(operator: APIClient) -> None:
    made = operator.post(f"{HERE}invalidations/", {"kind": "user", "target": "ann@example.com"})

    read = operator.get(f"{HERE}invalidations/{made.json()['uid']}/")
    assert made.status_code == 201
    assert b"ann@example.com" not in made.content + read.content


def test_invalidation__of_a_user_with_blanks_around__meant_as_sent(operator: APIClient) -> None:
    made = operator.post(f"{HERE}invalidations/", {"kind": "user", "target": " ann "})

    assert made.json()["target"] == user_digest(" ann ")


@pytest.mark.parametrize(
    ("field", "body"),
    [
        ("kind", {"kind": "mood"}),
        ("target", {"kind": "tag"}),
        ("target", {"kind": "entry", "target": "x"}),
        ("target", {"kind": "policy", "target": "none such"}),
        ("force", {"kind": "tenant", "force": True}),
    ],
)
def test_invalidation__bad_value__refused_naming_the_field(
    operator: APIClient, field: str, body: object
) -> None:
    response = operator.post(f"{HERE}invalidations/", body)

    assert list(response.json()["error"]["fields"]) == [field]


def test_invalidation__over__receipt_in_figures(operator: APIClient) -> None:
    uid = operator.post(f"{HERE}invalidations/", {"kind": "tag", "target": "a"}).json()["uid"]
    Invalidation.objects.update(
        state="done",
        removed_entries=3,
        removed_index_keys=1,
        residual_keys=0,
        duration_ms=12,
        progress_done=3,
        progress_total=3,
    )

    body = operator.get(f"{HERE}invalidations/{uid}/").json()

    assert body["progress"] == {"done": 3, "total": 3, "is_verifying": False}
    assert body["receipt"] == {
        "removed_entries": 3,
        "removed_index_keys": 1,
        "blanked_events": None,
        "residual_entries": 0,
        "duration_ms": 12,
    }


def test_invalidation__reached_through_another_tenant__does_not_exist(
    operator: APIClient, outsider: APIClient
) -> None:
    uid = operator.post(f"{HERE}invalidations/", {"kind": "tag", "target": "a"}).json()["uid"]

    assert outsider.get(f"/api/v1/tenants/globex/invalidations/{uid}/").status_code == 404


def test_invalidations__listed__newest_first(operator: APIClient) -> None:
    for tag in ("a", "b"):
        operator.post(f"{HERE}invalidations/", {"kind": "tag", "target": tag})

    listed = operator.get(f"{HERE}invalidations/").json()["results"]

    assert [item["target"] for item in listed] == ["b", "a"]
