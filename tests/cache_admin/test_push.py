from __future__ import annotations

import msgspec
import pytest
import redis
from django.utils import timezone
from pytest_django import DjangoCaptureOnCommitCallbacks, Settings

from cache_admin.models import Revision, RuntimeInstance, Tenant
from cache_admin.services.actor import Actor
from cache_admin.services.keys import create_key
from cache_admin.services.push import push_pending, push_revision
from cache_admin.services.revisions import publish
from routing import redis_names
from routing.snapshot import decode_snapshot
from tests.cache_admin.builders import ROBOT, make_faq, make_heartbeat, make_user
from tests.redis_server import RedisServer

pytestmark = pytest.mark.django_db


def _pointer(client: redis.Redis) -> object:
    return client.get(redis_names.SNAPSHOT_POINTER)


def _latest() -> Revision:
    return Revision.objects.latest("number")


def test_change__committed__redis_points_to_it(
    acme: Tenant,
    live_redis: redis.Redis,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        make_faq(acme)

    assert _pointer(live_redis) == f"{_latest().number}:{_latest().digest}".encode()


def test_change__not_committed_yet__redis_untouched(acme: Tenant, live_redis: redis.Redis) -> None:
    make_faq(acme)

    assert _pointer(live_redis) is None


def test_change__redis_away__saved_and_marked_unpushed(
    acme: Tenant, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        make_faq(acme)

    assert (acme.faqs.count(), _latest().pushed_at) == (1, None)


def test_push_revision__body__what_runtimes_accept(acme: Tenant, live_redis: redis.Redis) -> None:
    push_revision(_latest().number)

    body = live_redis.get(redis_names.snapshot_body(_latest().number))
    assert isinstance(body, bytes)
    assert decode_snapshot(body, digest=_latest().digest).tenants[0].slug == "acme"


def test_push_revision__hint__published(acme: Tenant, live_redis: redis.Redis) -> None:
    channel = live_redis.pubsub(ignore_subscribe_messages=True)  # type: ignore[no-untyped-call] # untyped in redis-py
    with channel as listener:
        listener.subscribe(redis_names.SNAPSHOT_CHANNEL)
        listener.get_message(timeout=5)
        push_revision(_latest().number)

        message = listener.get_message(timeout=5)

    assert message is not None
    assert message["data"] == str(_latest().number).encode()


def test_push_revision__older_than_current__pointer_stays(
    acme: Tenant, live_redis: redis.Redis
) -> None:
    make_faq(acme)
    push_revision(2)

    assert push_revision(1)
    assert _pointer(live_redis) == f"2:{_latest().digest}".encode()


def test_push_revision__newer__old_body_expires_current_does_not(
    acme: Tenant, live_redis: redis.Redis
) -> None:
    push_revision(1)
    make_faq(acme)
    push_revision(2)

    lifetimes = [live_redis.ttl(redis_names.snapshot_body(number)) for number in (1, 2)]
    assert 0 < lifetimes[0] <= 300
    assert lifetimes[1] == -1


def test_push_revision__done__earlier_unpushed_ones_marked_too(
    acme: Tenant, live_redis: redis.Redis
) -> None:
    make_faq(acme)

    push_revision(2)

    assert not Revision.objects.filter(pushed_at=None).exists()


def test_push_revision__foreign_pointer_ahead__refused(
    acme: Tenant, live_redis: redis.Redis
) -> None:
    live_redis.set(redis_names.SNAPSHOT_POINTER, "900:" + "a" * 64)

    assert not push_revision(1)
    assert _latest().pushed_at is None


def test_push_revision__foreign_body_at_its_number__replaced(
    acme: Tenant, live_redis: redis.Redis
) -> None:
    live_redis.set(redis_names.snapshot_body(1), "left by another database")

    push_revision(1)

    assert live_redis.get(redis_names.snapshot_body(1)) == _latest().snapshot_body


def test_publish__foreign_pointer_ahead__goes_past_it(
    acme: Tenant, live_redis: redis.Redis
) -> None:
    live_redis.set(redis_names.SNAPSHOT_POINTER, "900:" + "a" * 64)

    revision = publish(actor=ROBOT)

    assert revision.number == 901
    assert push_revision(901)


def test_publish__foreign_pointer_of_its_number__goes_past_it(
    acme: Tenant, live_redis: redis.Redis
) -> None:
    live_redis.set(redis_names.SNAPSHOT_POINTER, "1:" + "a" * 64)

    revision = publish(actor=ROBOT)

    assert (revision.number, push_revision(2)) == (2, True)


@pytest.mark.parametrize(
    ("obeyed", "error", "number"),
    [(900, None, 901), (1, "revision 1 is in force with another digest", 2), (1, None, 1)],
)
def test_publish__runtime_obeys_what_the_database_lost__goes_past_it(
    acme: Tenant, live_redis: redis.Redis, obeyed: int, error: str | None, number: int
) -> None:
    push_revision(1)
    beat = make_heartbeat(revision=obeyed, error=error)
    live_redis.hset(redis_names.RUNTIMES, beat.instance, msgspec.json.encode(beat))

    assert publish(actor=ROBOT).number == number


def test_publish__redis_empty__goes_past_runtimes_known_before(acme: Tenant) -> None:
    RuntimeInstance.objects.create(
        instance="runtime-1",
        release="0.1.0",
        revision=900,
        started_at=timezone.now(),
        last_seen_at=timezone.now(),
    )

    assert publish(actor=ROBOT).number == 901


def test_publish__nothing_changed__current_revision(acme: Tenant) -> None:
    assert publish(actor=ROBOT).number == 1


def test_push_pending__all_there__pushes_nothing(acme: Tenant, live_redis: redis.Redis) -> None:
    push_revision(1)

    assert push_pending() == 0


def test_push_pending__redis_came_back__pushes_latest(
    acme: Tenant, live_redis: redis.Redis
) -> None:
    make_faq(acme)

    assert push_pending() == 1
    assert _pointer(live_redis) == f"2:{_latest().digest}".encode()


@pytest.mark.parametrize("lost", [redis_names.SNAPSHOT_POINTER, redis_names.snapshot_body(1)])
def test_push_pending__redis_lost_data__restored(
    acme: Tenant, live_redis: redis.Redis, lost: str
) -> None:
    push_revision(1)
    live_redis.delete(lost)

    assert push_pending() == 1
    assert live_redis.exists(lost)


def test_push_pending__redis_away__reports_none(acme: Tenant) -> None:
    assert push_pending() == 0


def test_push_pending__nothing_published__reports_none(live_redis: redis.Redis) -> None:
    assert push_pending() == 0


def test_push_pending__redis_restarted_empty__restored(
    acme: Tenant, settings: Settings, tmp_path_factory: pytest.TempPathFactory
) -> None:
    server = RedisServer(tmp_path_factory.mktemp("restarting"))
    server.start()
    settings.REDIS_URL = server.url
    push_revision(1)
    server.kill()
    server.start()

    pushed = push_pending()

    server.kill()
    assert pushed == 1


def test_change__author__is_the_revisions(acme: Tenant) -> None:
    owner = make_user("owner")
    create_key(tenant=acme, actor=Actor.of(owner), name="app")

    assert (_latest().author, _latest().tenant) == (owner, acme)


def test_change__account_deleted__revision_still_names_its_author(acme: Tenant) -> None:
    owner = make_user("owner")
    create_key(tenant=acme, actor=Actor.of(owner), name="app")

    owner.delete()

    assert (_latest().author, _latest().author_label) == (None, "owner")
