"""The tenant's embedding model on its settings page."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
import redis
from django.test import Client
from pytest_django import Settings

from cache_admin.models import RuntimeInstance, Tenant
from routing import redis_names
from routing.embedding_models import Reembedding
from routing.snapshot import Heartbeat, LoadedModel
from tests.console.builders import make_superuser
from tests.console.pages import form_errors, text

NOW = datetime.now(UTC)
PAGE = "/t/acme/settings/"
REMOTE = "openai:text-embedding-3-small@512"
MINI = LoadedModel(
    name="all-MiniLM-L6-v2", model_id="all-MiniLM-L6-v2@1", dimensions=384, ready=True
)


@pytest.fixture
def cache(redis_client: redis.Redis, redis_url: str, settings: Settings) -> redis.Redis:
    """The Redis that runtimes and console share."""
    settings.REDIS_URL = redis_url
    return redis_client


def beat(cache: redis.Redis, *models: LoadedModel) -> None:
    said = Heartbeat(
        instance="runtime-1",
        version="0.1.0",
        revision=1,
        at=NOW,
        started_at=NOW,
        embedding_model=MINI.model_id,
        redis_ok=True,
        events_spooled=0,
        embedding_models=models,
    )
    cache.hset(redis_names.RUNTIMES, "runtime-1", msgspec.json.encode(said))


def tell(cache: redis.Redis, tenant: Tenant, **changes: Any) -> None:
    values: dict[str, Any] = {
        "model": REMOTE,
        "model_id": "r@1",
        "state": "running",
        "started_at": NOW,
        "updated_at": NOW + timedelta(seconds=10),
        "total": 400,
        "done": 100,
    }
    blob = msgspec.json.encode(Reembedding(**(values | changes)))
    cache.hset(redis_names.REEMBEDDING, tenant.uid, blob)


def sent(tenant: Tenant, **fields: str) -> dict[str, Any]:
    values = {"name": "Acme", "language": "en", "enabled": "on", "version": tenant.version}
    return values | fields


def use(tenant: Tenant, name: str) -> None:
    Tenant.objects.filter(pk=tenant.pk).update(embedding_model=name)


def test_settings__listed_model_chosen__saved(acme: Tenant, owner: Client) -> None:
    owner.post(PAGE, sent(acme, embedding_model=REMOTE))

    acme.refresh_from_db()
    assert acme.embedding_model == REMOTE


def test_settings__another_model_named__saved_and_shown_again(acme: Tenant, owner: Client) -> None:
    owner.post(PAGE, sent(acme, embedding_model="other", other_model="openai:my-model"))

    assert 'value="openai:my-model"' in owner.get(PAGE).content.decode()


def test_settings__another_model_without_a_name__refused_there(acme: Tenant, owner: Client) -> None:
    response = owner.post(PAGE, sent(acme, embedding_model="other", other_model=""))

    assert list(form_errors(response)) == ["other_model"]


def test_settings__path_by_an_owner__refused_where_it_was_typed(
    acme: Tenant, owner: Client
) -> None:
    response = owner.post(PAGE, sent(acme, embedding_model="other", other_model="/srv/e5"))

    assert list(form_errors(response)) == ["other_model"]


def test_settings__path_by_a_superuser__saved(acme: Tenant) -> None:
    make_superuser().post(PAGE, sent(acme, embedding_model="other", other_model="/srv/e5"))

    acme.refresh_from_db()
    assert acme.embedding_model == "/srv/e5"


def test_settings__model_in_use__size_of_a_vector(
    acme: Tenant, viewer: Client, cache: redis.Redis
) -> None:
    beat(cache, MINI)

    page = text(viewer.get(PAGE))

    assert (
        "384 dimensions: a vector takes 1.5 KB with its answer and 384 bytes in the index" in page
    )


@pytest.mark.parametrize(("language", "warned"), [("en", False), ("es", True)])
def test_settings__model_for_english__warning_for_other_languages(
    acme: Tenant, viewer: Client, cache: redis.Redis, language: str, *, warned: bool
) -> None:
    Tenant.objects.filter(pk=acme.pk).update(language=language)
    beat(cache, MINI)

    assert ("This model is made for English." in text(viewer.get(PAGE))) == warned


def test_settings__answers_being_moved__progress_asked_for_again(
    acme: Tenant, viewer: Client, cache: redis.Redis
) -> None:
    use(acme, REMOTE)
    beat(cache, LoadedModel(name=REMOTE, dimensions=512, ready=True))
    tell(cache, acme)

    response = viewer.get(PAGE)

    assert "Moving answers: 100 of 400 About 30 s left." in text(response)
    assert 'hx-trigger="every 2s"' in response.content.decode()


def test_settings__answers_moved__told_and_not_asked_for_again(
    acme: Tenant, viewer: Client, cache: redis.Redis
) -> None:
    use(acme, REMOTE)
    beat(cache, LoadedModel(name=REMOTE, dimensions=512, ready=True))
    tell(cache, acme, state="done", done=399, failed=1)

    response = viewer.get(PAGE)

    assert "399 of 400 answers were moved to this model." in text(response)
    assert "hx-trigger" not in response.content.decode()


def test_settings__model_not_to_be_had__reason_shown(
    acme: Tenant, viewer: Client, cache: redis.Redis
) -> None:
    use(acme, "/srv/e5")
    beat(cache, MINI, LoadedModel(name="/srv/e5", error="'/srv/e5' is not a directory"))

    assert "not to be had '/srv/e5' is not a directory" in text(viewer.get(PAGE))


def test_settings__trouble_of_another_tenants_account__not_shown(
    acme: Tenant, globex: Tenant, viewer: Client, cache: redis.Redis
) -> None:
    use(acme, REMOTE)
    theirs = LoadedModel(name=REMOTE, error="key refused", tenant_uids=(globex.uid,))
    beat(cache, theirs, LoadedModel(name=REMOTE, ready=True, tenant_uids=(acme.uid,)))

    assert "key refused" not in text(viewer.get(PAGE))


def test_settings__redis_away__page_all_the_same(
    acme: Tenant, viewer: Client, settings: Settings
) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:1"

    assert "the cache cannot be reached" in text(viewer.get(PAGE))


def test_embedding__asked_for_by_the_page__the_part_alone(
    acme: Tenant, viewer: Client, cache: redis.Redis
) -> None:
    beat(cache, MINI)

    response = viewer.get(PAGE + "embedding/", headers={"HX-Request": "true"})

    assert response.content.decode().strip().startswith('<section id="embedding"')


def test_embedding__opened_by_hand__sent_to_the_settings(acme: Tenant, viewer: Client) -> None:
    assert viewer.get(PAGE + "embedding/")["Location"] == PAGE


def test_embedding__outsider__not_found(acme: Tenant, outsider: Client) -> None:
    assert outsider.get(PAGE + "embedding/").status_code == 404


def test_runtimes__their_models__with_dimensions_and_weights(acme: Tenant) -> None:
    root = make_superuser()
    RuntimeInstance.objects.create(
        instance="runtime-1",
        release="0.1.0",
        revision=1,
        embedding_models=msgspec.to_builtins(
            [MINI, LoadedModel(name="/srv/e5", error="not a directory")]
        ),
        started_at=NOW,
        last_seen_at=NOW,
    )

    page = text(root.get("/t/acme/revisions/"))

    assert "all-MiniLM-L6-v2 384 dimensions /srv/e5 not to be had" in page
