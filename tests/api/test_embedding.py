from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
import redis
from pytest_django import Settings
from rest_framework.test import APIClient

from cache_admin.models import RuntimeInstance, Tenant
from routing import redis_names
from routing.embedding_models import Reembedding
from routing.snapshot import LoadedModel

NOW = datetime.now(UTC)
TENANT = "/api/v1/tenants/acme/"
REMOTE = "openai:text-embedding-3-small@512"


def hear_of(*models: LoadedModel) -> None:
    RuntimeInstance.objects.create(
        instance="runtime-1",
        release="0.1.0",
        revision=1,
        embedding_model="all-MiniLM-L6-v2@1",
        embedding_models=msgspec.to_builtins(models),
        started_at=NOW,
        last_seen_at=NOW,
    )


def shown(viewer: APIClient) -> Any:
    (runtime,) = viewer.get(f"{TENANT}runtimes/").json()["results"]
    return [model["name"] for model in runtime["embedding_models"]]


def test_tenant__embedding_model_patched__saved(owner: APIClient, acme: Tenant) -> None:
    etag = owner.get(TENANT).headers["ETag"]

    response = owner.patch(TENANT, {"embedding_model": REMOTE}, headers={"If-Match": etag})

    assert response.json()["embedding_model"] == REMOTE


def test_tenant__name_of_no_model__refused_at_its_field(owner: APIClient, acme: Tenant) -> None:
    etag = owner.get(TENANT).headers["ETag"]

    response = owner.patch(TENANT, {"embedding_model": "openai:"}, headers={"If-Match": etag})

    assert response.status_code == 400
    assert list(response.json()["error"]["fields"]) == ["embedding_model"]


def test_embedding__answers_being_moved__progress(
    viewer: APIClient, acme: Tenant, redis_client: redis.Redis, redis_url: str, settings: Settings
) -> None:
    settings.REDIS_URL = redis_url
    Tenant.objects.update(embedding_model=REMOTE)
    told = Reembedding(REMOTE, "r@1", "running", NOW, NOW, total=400, done=100)
    redis_client.hset(redis_names.REEMBEDDING, acme.uid, msgspec.json.encode(told))

    body = viewer.get(f"{TENANT}embedding/").json()

    assert (body["name"], body["dimensions"], body["kept_bytes"]) == (REMOTE, 512, 2048)
    assert (body["answers"]["state"], body["answers"]["done"]) == ("running", 100)


def test_embedding__nothing_heard__empty(viewer: APIClient, acme: Tenant) -> None:
    body = viewer.get(f"{TENANT}embedding/").json()

    assert (body["name"], body["answers"], body["runtimes"]) == ("", None, [])


def test_embedding__another_tenant__not_found(viewer: APIClient, globex: Tenant) -> None:
    assert viewer.get("/api/v1/tenants/globex/embedding/").status_code == 404


@pytest.mark.parametrize(("named", "expected"), [("", []), (REMOTE, [REMOTE])])
def test_runtimes__models_of_others__not_shown(
    viewer: APIClient, acme: Tenant, named: str, expected: list[str]
) -> None:
    Tenant.objects.update(embedding_model=named)
    hear_of(
        LoadedModel(name="all-MiniLM-L6-v2", model_id="all-MiniLM-L6-v2@1"),
        LoadedModel(name="/srv/secret-project"),
        LoadedModel(name=REMOTE),
    )

    assert shown(viewer) == ["all-MiniLM-L6-v2", *expected]
