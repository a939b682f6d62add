from __future__ import annotations

from datetime import datetime, timedelta

import msgspec
import pytest
import redis
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from cache_admin.models import Policy, Revision, RuntimeInstance, Tenant
from routing import redis_names
from routing.snapshot import Acknowledgement
from tests.console.builders import ROBOT, make_policy, make_superuser
from tests.console.pages import form_errors, text


@pytest.fixture
def reachable_redis(redis_client: redis.Redis, redis_url: str, settings: Settings) -> redis.Redis:
    settings.REDIS_URL = redis_url
    return redis_client


def acknowledge(
    client: redis.Redis, revision: Revision, *, at: datetime, error: str | None = None
) -> None:
    said = Acknowledgement(instance="runtime-1", revision=revision.number, at=at, error=error)
    name = redis_names.acknowledgements(revision.number)
    client.hset(name, "runtime-1", msgspec.json.encode(said))


def test_list__revision__says_what_changed_and_who(acme: Tenant, operator: Client) -> None:
    make_policy(acme, name="chat")

    page = text(operator.get("/t/acme/revisions/"))

    assert "#1" in page
    assert "policies/chat" in page


@pytest.mark.parametrize("path", ["", "1/", "1/rollback/"])
def test_revision__of_the_product_itself__names_what_acted(
    path: str, acme: Tenant, operator: Client
) -> None:
    make_policy(acme)

    assert ROBOT.label in text(operator.get(f"/t/acme/revisions/{path}"))


def test_list__not_pushed__says_so(acme: Tenant, viewer: Client) -> None:
    make_policy(acme)

    assert "not pushed yet" in text(viewer.get("/t/acme/revisions/"))


def test_list__pushed__newest_is_current(acme: Tenant, viewer: Client) -> None:
    make_policy(acme)
    Revision.objects.update(pushed_at=timezone.now())

    page = text(viewer.get("/t/acme/revisions/"))

    assert "current" in page
    assert "not pushed yet" not in page


def test_list__acknowledged__says_after_how_long(
    acme: Tenant, viewer: Client, reachable_redis: redis.Redis
) -> None:
    make_policy(acme)
    revision = Revision.objects.get()
    acknowledge(reachable_redis, revision, at=revision.created_at + timedelta(milliseconds=42))

    assert "in force on 1 after 42 ms" in text(viewer.get("/t/acme/revisions/"))


def test_detail__refused__shows_the_reason(
    acme: Tenant, viewer: Client, reachable_redis: redis.Redis
) -> None:
    make_policy(acme)
    revision = Revision.objects.get()
    acknowledge(reachable_redis, revision, at=revision.created_at, error="unknown schema")

    page = text(viewer.get("/t/acme/revisions/1/"))

    assert "refused runtime-1" in page
    assert "unknown schema" in page


def test_list__redis_away__says_acknowledgements_are_unknown(acme: Tenant, viewer: Client) -> None:
    make_policy(acme)

    assert "not known: the cache cannot be reached" in text(viewer.get("/t/acme/revisions/"))


def test_list__older_than_a_number__page_starts_below_it(acme: Tenant, viewer: Client) -> None:
    for number in range(27):
        make_policy(acme, name=f"policy-{number}")

    first, second = viewer.get("/t/acme/revisions/"), viewer.get("/t/acme/revisions/?before=3")

    assert "?before=3" in first.content.decode()
    assert [row.revision.number for row in second.context["rows"]] == [2, 1]


def test_list__other_tenants_revision__not_listed(
    acme: Tenant, globex: Tenant, viewer: Client
) -> None:
    make_policy(globex)

    assert "Nothing published yet" in text(viewer.get("/t/acme/revisions/"))


def test_detail__other_tenants_revision__not_found(
    acme: Tenant, globex: Tenant, viewer: Client
) -> None:
    make_policy(globex)

    assert viewer.get("/t/acme/revisions/1/").status_code == 404


@pytest.mark.parametrize(("silent_for", "said"), [(1, "running"), (600, "silent")])
def test_list__runtime__says_whether_it_is_heard(
    silent_for: int, said: str, acme: Tenant, viewer: Client
) -> None:
    make_policy(acme)
    seen = timezone.now() - timedelta(seconds=silent_for)
    RuntimeInstance.objects.create(
        instance="runtime-1", release="0.1.0", revision=1, started_at=seen, last_seen_at=seen
    )

    assert f"runtime-1 #1 {said}" in text(viewer.get("/t/acme/revisions/"))


def test_list__runtime_obeys_an_unknown_revision__ahead(acme: Tenant, viewer: Client) -> None:
    make_policy(acme)
    RuntimeInstance.objects.create(
        instance="runtime-1",
        release="0.1.0",
        revision=9,
        started_at=timezone.now(),
        last_seen_at=timezone.now(),
    )

    assert "runtime-1 #9 8 ahead" in text(viewer.get("/t/acme/revisions/"))


def test_list__other_tenant_saved_since__own_newest_is_current(
    acme: Tenant, globex: Tenant, operator: Client
) -> None:
    make_policy(acme)
    make_policy(globex)
    Revision.objects.update(pushed_at=timezone.now())

    page = text(operator.get("/t/acme/revisions/"))

    assert "#1 current" in page
    assert "Roll back…" not in page


def test_rollback__confirmed__old_values_under_a_new_number(acme: Tenant, operator: Client) -> None:
    make_policy(acme, name="chat")
    Policy.objects.get().delete()
    make_policy(acme, name="other")

    response = operator.post("/t/acme/revisions/1/rollback/", {"note": "wrong"}, follow=True)

    newest = Revision.objects.latest("number")
    page = text(response)
    assert (newest.restores_id, newest.note) == (1, "wrong")
    assert "Revision 1 is back in force. Saved as revision 3." in page
    assert Policy.objects.get(name="chat").enabled


def test_rollback__content_pruned__refused_above_the_form(acme: Tenant, operator: Client) -> None:
    make_policy(acme)
    Revision.objects.update(body=b"")

    response = operator.post("/t/acme/revisions/1/rollback/", {"note": ""})

    assert "no longer kept" in form_errors(response)["__all__"][0]


def test_list__superuser_of_no_tenant__sees_it(acme: Tenant) -> None:
    make_policy(acme)

    assert make_superuser().get("/t/acme/revisions/1/").status_code == 200
