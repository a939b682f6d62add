from __future__ import annotations

from datetime import timedelta

import msgspec
import pytest
import redis
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from cache_admin.models import Revision, RuntimeInstance, Tenant
from cache_admin.selectors.revisions import Ack, revision_for, revisions_for, runtimes
from cache_admin.services.fleet import sync_runtimes
from cache_admin.services.revisions import publish, rollback
from cache_admin.services.tenants import create_tenant
from routing import redis_names
from routing.snapshot import Acknowledgement
from tests.cache_admin.builders import ROBOT, make_faq, make_heartbeat, make_user

pytestmark = pytest.mark.django_db


def _acknowledge(client: redis.Redis, revision: Revision, *, error: str | None = None) -> None:
    said = Acknowledgement(
        instance="runtime-1",
        revision=revision.number,
        at=revision.created_at + timedelta(seconds=0.25),
        error=error,
    )
    name = redis_names.acknowledgements(revision.number)
    client.hset(name, said.instance, msgspec.json.encode(said))


def _beat(client: redis.Redis, *, revision: int = 1, age: timedelta = timedelta()) -> None:
    said = make_heartbeat(revision=revision, age=age)
    client.hset(redis_names.RUNTIMES, said.instance, msgspec.json.encode(said))


def test_revisions_for__acknowledged__delay_after_the_save(
    acme: Tenant, live_redis: redis.Redis
) -> None:
    make_faq(acme)
    _acknowledge(live_redis, Revision.objects.get(number=2))

    row = revisions_for(acme, make_user())[0]

    assert row.acks is not None
    assert [(ack.instance, ack.seconds_after_save) for ack in row.acks] == [("runtime-1", 0.25)]


def test_revisions_for__refused__reason_shown(acme: Tenant, live_redis: redis.Redis) -> None:
    make_faq(acme)
    _acknowledge(live_redis, Revision.objects.get(number=2), error="unknown field")

    row = revisions_for(acme, make_user())[0]

    assert row.acks is not None
    assert row.acks[0].error == "unknown field"


def test_revisions_for__redis_away__acks_unknown(acme: Tenant) -> None:
    make_faq(acme)

    assert revisions_for(acme, make_user())[0].acks is None


def test_revisions_for__runtime_went_straight_to_a_later_one__in_force(
    acme: Tenant, live_redis: redis.Redis
) -> None:
    make_faq(acme)
    _beat(live_redis, revision=2)

    row = revisions_for(acme, make_user())[1]

    assert row.acks == (Ack("runtime-1", None, "", None),)


@pytest.mark.parametrize("revision", [1, 900])
def test_revisions_for__runtime_obeys_another__not_in_force(
    acme: Tenant, live_redis: redis.Redis, revision: int
) -> None:
    make_faq(acme)
    _beat(live_redis, revision=revision)

    assert revisions_for(acme, make_user())[0].acks == ()


def test_revisions_for__list__loads_no_body_and_no_diff(
    acme: Tenant, live_redis: redis.Redis
) -> None:
    make_faq(acme)

    with CaptureQueriesContext(connection) as asked:
        revisions_for(acme, make_user())

    assert not [query for query in asked if "diff" in query["sql"] or "body" in query["sql"]]


def test_revisions_for__other_tenants_edit__not_listed(
    acme: Tenant, live_redis: redis.Redis
) -> None:
    globex = create_tenant(actor=ROBOT, slug="globex", name="Globex")
    make_faq(globex)

    numbers = [row.revision.number for row in revisions_for(acme, make_user())]

    assert numbers == [1]


def test_revisions_for__revision_of_everyone__own_part_of_the_diff(
    acme: Tenant, live_redis: redis.Redis
) -> None:
    globex = create_tenant(actor=ROBOT, slug="globex", name="Globex")
    make_faq(acme, question="Acme?")
    make_faq(globex, question="Globex?")
    rollback(revision=Revision.objects.get(number=2), actor=ROBOT)

    row = revisions_for(acme, make_user())[0]

    assert (row.paths, row.change_count) == (("tenants/acme/faqs/Acme?/enabled",), 1)


def test_revisions_for__superuser__whole_diff(acme: Tenant, live_redis: redis.Redis) -> None:
    globex = create_tenant(actor=ROBOT, slug="globex", name="Globex")
    make_faq(globex, question="Globex?")
    rollback(revision=Revision.objects.get(number=2), actor=ROBOT)

    row = revisions_for(acme, User.objects.create_superuser("root"))[0]

    assert (row.paths, row.change_count) == (("tenants/globex/faqs/Globex?/enabled",), 1)


def test_revisions_for__many__same_number_of_queries(
    acme: Tenant, live_redis: redis.Redis, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    user = make_user()
    for number in range(5):
        make_faq(acme, question=f"Question {number}?")

    with django_assert_num_queries(3):
        revisions_for(acme, user)


def test_revisions_for__before__older_ones(acme: Tenant, live_redis: redis.Redis) -> None:
    make_faq(acme)

    rows = revisions_for(acme, make_user(), before=2)

    assert [row.revision.number for row in rows] == [1]


def test_revision_for__other_tenants__none(acme: Tenant, live_redis: redis.Redis) -> None:
    globex = create_tenant(actor=ROBOT, slug="globex", name="Globex")
    make_faq(globex)

    assert revision_for(acme, make_user(), number=3) is None


def test_sync_runtimes__heartbeat__taken_over(acme: Tenant, live_redis: redis.Redis) -> None:
    _beat(live_redis)
    sync_runtimes()
    _beat(live_redis, revision=7)

    assert sync_runtimes() == 1
    assert RuntimeInstance.objects.get().revision == 7


def test_sync_runtimes__silent_for_a_day__forgotten(live_redis: redis.Redis) -> None:
    _beat(live_redis)
    sync_runtimes()
    RuntimeInstance.objects.update(last_seen_at=timezone.now() - timedelta(days=2))
    _beat(live_redis, age=timedelta(days=2))

    assert sync_runtimes() == 0
    assert not RuntimeInstance.objects.exists()
    assert not live_redis.hexists(redis_names.RUNTIMES, "runtime-1")


def test_sync_runtimes__garbled_heartbeat__others_taken_over(
    acme: Tenant, live_redis: redis.Redis
) -> None:
    _beat(live_redis)
    sync_runtimes()
    live_redis.hset(redis_names.RUNTIMES, "garbled", "{")

    assert sync_runtimes() == 1


def test_runtimes__behind_and_silent__told(acme: Tenant, live_redis: redis.Redis) -> None:
    _beat(live_redis, revision=1, age=timedelta(minutes=5))
    sync_runtimes()
    make_faq(acme)

    [row] = runtimes(acme)

    assert (row.revisions_behind, row.is_silent) == (1, True)


def test_runtimes__database_restored_from_a_backup__ahead(
    acme: Tenant, live_redis: redis.Redis
) -> None:
    _beat(live_redis, revision=900)
    sync_runtimes()

    [row] = runtimes(acme)

    assert (row.revisions_ahead, row.revisions_behind) == (899, 0)


def test_publish__note__kept(acme: Tenant) -> None:
    make_faq(acme)
    Revision.objects.filter(number=2).delete()

    assert publish(actor=ROBOT, note="by hand").note == "by hand"
