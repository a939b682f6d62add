from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import msgspec
import pytest
import redis
from django.utils import timezone
from rest_framework.test import APIClient

from cache_admin.models import Policy, Revision, RuntimeInstance, Tenant
from cache_admin.services.policies import spec_of, update_policy
from routing import redis_names
from routing.snapshot import Acknowledgement
from tests.api.conftest import SETUP

REVISIONS = "/api/v1/tenants/acme/revisions/"


def edit_default_policy(tenant: Tenant, *, min_similarity: str) -> Revision:
    policy = Policy.objects.get(tenant=tenant, name="frequent-faq")
    spec = replace(spec_of(policy), min_similarity=Decimal(min_similarity))
    update_policy(policy=policy, actor=SETUP, spec=spec, expected_version=None)
    return Revision.objects.latest("number")


def test_revisions__listed__newest_first(viewer: APIClient, acme: Tenant) -> None:
    newest = edit_default_policy(acme, min_similarity="0.95")

    results = viewer.get(REVISIONS).json()["results"]

    assert [row["number"] for row in results] == [newest.number, newest.number - 1]
    assert [row["is_current"] for row in results] == [True, False]
    assert results[0]["author"] == SETUP.label


def test_revisions__of_another_tenant__are_not_listed(
    outsider: APIClient, globex: Tenant, acme: Tenant
) -> None:
    secret = edit_default_policy(acme, min_similarity="0.95")

    results = outsider.get("/api/v1/tenants/globex/revisions/").json()["results"]

    assert secret.number not in [row["number"] for row in results]


def test_revision__read__tells_what_changed(viewer: APIClient, acme: Tenant) -> None:
    newest = edit_default_policy(acme, min_similarity="0.95")

    body = viewer.get(f"{REVISIONS}{newest.number}/").json()

    assert body["diff"] == [
        {
            "path": "tenants/acme/policies/frequent-faq/min_similarity",
            "before": 0.79,
            "after": 0.95,
        }
    ]
    assert "body" not in body


def test_revision__of_all_tenants__shows_only_the_own_part(
    viewer: APIClient, acme: Tenant, globex: Tenant
) -> None:
    everybody = Revision.objects.latest("number")
    Revision.objects.update(tenant=None)

    body = viewer.get(f"{REVISIONS}{everybody.number}/").json()

    assert "globex" not in str(body)


def test_revision__without_redis__has_no_acknowledgements(viewer: APIClient, acme: Tenant) -> None:
    number = Revision.objects.latest("number").number

    assert viewer.get(f"{REVISIONS}{number}/").json()["acknowledgements"] is None


def test_revision__acknowledged__names_the_runtime(
    viewer: APIClient, acme: Tenant, redis_client: redis.Redis, redis_url: str, settings: Any
) -> None:
    settings.REDIS_URL = redis_url
    revision = Revision.objects.latest("number")
    at = revision.created_at + timedelta(milliseconds=40)
    said = Acknowledgement("runtime-1", revision.number, at, None)
    acks = redis_names.acknowledgements(revision.number)
    redis_client.hset(acks, "runtime-1", msgspec.json.encode(said))

    (ack,) = viewer.get(f"{REVISIONS}{revision.number}/").json()["acknowledgements"]

    assert (ack["instance"], ack["error"], ack["seconds_after_save"]) == ("runtime-1", "", 0.04)


def test_rollback__to_an_old_revision__brings_the_policy_back(
    operator: APIClient, acme: Tenant
) -> None:
    old = Revision.objects.latest("number").number
    edit_default_policy(acme, min_similarity="0.95")

    response = operator.post(f"{REVISIONS}{old}/rollback/", {"note": "too strict"})

    assert response.status_code == 201
    assert (response.json()["restores"], response.json()["note"]) == (old, "too strict")
    assert response.headers["X-Revision"] == str(response.json()["number"])
    policy = Policy.objects.get(tenant=acme, name="frequent-faq")
    assert policy.min_similarity == Decimal("0.79")


def test_rollback__leaves_other_tenants_alone(
    operator: APIClient, acme: Tenant, globex: Tenant
) -> None:
    Revision.objects.update(tenant=None)
    old = Revision.objects.latest("number").number
    edit_default_policy(globex, min_similarity="0.95")

    operator.post(f"{REVISIONS}{old}/rollback/")

    policy = Policy.objects.get(tenant=globex, name="frequent-faq")
    assert policy.min_similarity == Decimal("0.95")


def test_rollback__with_bad_note__changes_nothing(operator: APIClient, acme: Tenant) -> None:
    newest = Revision.objects.latest("number").number

    response = operator.post(f"{REVISIONS}{newest}/rollback/", {"note": []})

    assert list(response.json()["error"]["fields"]) == ["note"]
    assert Revision.objects.latest("number").number == newest


def test_rollback__to_pruned_content__is_refused(operator: APIClient, acme: Tenant) -> None:
    number = Revision.objects.latest("number").number
    Revision.objects.update(body=b"")

    response = operator.post(f"{REVISIONS}{number}/rollback/")

    assert (response.status_code, response.json()["error"]["code"]) == (403, "pruned")


def test_rollback__by_curator__is_refused(curator: APIClient, acme: Tenant) -> None:
    number = Revision.objects.latest("number").number

    assert curator.post(f"{REVISIONS}{number}/rollback/").status_code == 403


@pytest.mark.parametrize("tail", ["", "rollback/"])
def test_revision__unknown__does_not_exist(operator: APIClient, tail: str) -> None:
    method = operator.post if tail else operator.get

    assert method(f"{REVISIONS}4711/{tail}").status_code == 404


def test_runtimes__listed__say_how_far_behind_they_are(viewer: APIClient, acme: Tenant) -> None:
    newest = edit_default_policy(acme, min_similarity="0.95")
    now = timezone.now()
    RuntimeInstance.objects.create(
        instance="runtime-1",
        release="0.1.0",
        revision=newest.number - 1,
        started_at=now,
        last_seen_at=now,
    )

    (runtime,) = viewer.get("/api/v1/tenants/acme/runtimes/").json()["results"]

    assert (runtime["instance"], runtime["revisions_behind"]) == ("runtime-1", 1)
    assert runtime["is_silent"] is False
