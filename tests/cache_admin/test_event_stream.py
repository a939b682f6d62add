from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from typing import Any

import msgspec
import pytest
import redis
from django.db.models import Sum

from cache_admin.models import CallEvent, HourlyRollup, Tenant
from cache_admin.services.event_stream import (
    POISON_STREAM,
    EventConsumer,
    Tally,
    retry_poison,
)
from routing import redis_names
from routing.telemetry.events import Event, encode_batch
from tests.cache_admin.builders import make_event

pytestmark = pytest.mark.django_db


def _add(client: redis.Redis, *events: Event) -> None:
    client.xadd(redis_names.EVENT_STREAM, {"batch": encode_batch(events)})


def _consumer(client: redis.Redis, *, name: str = "one", claim_idle_ms: int = 0) -> EventConsumer:
    return EventConsumer(client, name=name, claim_idle_ms=claim_idle_ms, block_ms=10)


def _poison(client: redis.Redis) -> list[tuple[bytes, str]]:
    """What is set aside, with the reasons."""
    entries: Any = client.xrange(POISON_STREAM)
    return [(fields[b"batch"], fields[b"reason"].decode()) for _id, fields in entries]


def _counted() -> int:
    total = HourlyRollup.objects.aggregate(total=Sum("calls"))["total"]
    return int(total or 0)


def test_run_once__batches_waiting__kept_and_taken_off(
    acme: Tenant, live_redis: redis.Redis
) -> None:
    _add(live_redis, make_event(acme.uid), make_event(acme.uid))
    _add(live_redis, make_event(acme.uid))

    assert _consumer(live_redis).run_once() == Tally(entries=2, new=3)
    assert live_redis.xlen(redis_names.EVENT_STREAM) == 0


def test_run_once__nothing_waiting__nothing(live_redis: redis.Redis) -> None:
    assert _consumer(live_redis).run_once() == Tally()


def test_run_once__same_batch_in_two_entries__counted_once(
    acme: Tenant, live_redis: redis.Redis
) -> None:
    event = make_event(acme.uid)
    _add(live_redis, event)
    _add(live_redis, event)

    assert _consumer(live_redis).run_once() == Tally(entries=2, new=1, repeated=1)


def test_run_once__undecodable__set_aside_without_blocking(
    acme: Tenant, live_redis: redis.Redis
) -> None:
    live_redis.xadd(redis_names.EVENT_STREAM, {"batch": b"\xc1"})
    live_redis.xadd(redis_names.EVENT_STREAM, {"other": b"x"})
    _add(live_redis, make_event(acme.uid))

    assert _consumer(live_redis).run_once() == Tally(entries=3, new=1, poisoned=2)
    assert live_redis.xlen(POISON_STREAM) == 2


def test_run_once__unknown_tenant__set_aside_not_lost(live_redis: redis.Redis) -> None:
    event = make_event("nobody")
    _add(live_redis, event)

    _consumer(live_redis).run_once()

    assert _poison(live_redis) == [(encode_batch([event]), "unknown tenant")]


def test_run_once__one_event_unreadable__only_it_is_set_aside(
    acme: Tenant, live_redis: redis.Redis
) -> None:
    good = msgspec.to_builtins(make_event(acme.uid))
    newer = {**good, "layer": "of a later release"}
    batch = msgspec.msgpack.encode([good, newer])
    live_redis.xadd(redis_names.EVENT_STREAM, {"batch": batch})

    assert _consumer(live_redis).run_once() == Tally(entries=1, new=1, poisoned=1)
    [(kept, reason)] = _poison(live_redis)
    assert kept == msgspec.msgpack.encode([newer])
    assert "undecodable: Invalid enum value 'of a later release'" in reason


def test_retry_poison__tenant_known_by_now__kept(live_redis: redis.Redis) -> None:
    _add(live_redis, make_event("aaaaaaaaaaaaaaaa"))
    _consumer(live_redis).run_once()
    Tenant.objects.create(slug="globex", name="Globex", uid="aaaaaaaaaaaaaaaa")

    assert retry_poison(live_redis) == Tally(entries=1, new=1)
    assert (live_redis.xlen(POISON_STREAM), _counted()) == (0, 1)


def test_retry_poison__still_bad__stays_set_aside(live_redis: redis.Redis) -> None:
    live_redis.xadd(POISON_STREAM, {"batch": b"\xc1", "reason": "undecodable", "source": "x"})
    for _position in range(60):
        _add(live_redis, make_event("nobody"))
    _consumer(live_redis).run_once()
    _consumer(live_redis).run_once()
    before = live_redis.xlen(POISON_STREAM)

    assert retry_poison(live_redis) == Tally(entries=61, poisoned=61)
    assert live_redis.xlen(POISON_STREAM) == before == 61


def test_retry_poison__nothing_set_aside__nothing(live_redis: redis.Redis) -> None:
    assert retry_poison(live_redis) == Tally()


def test_run_once__left_by_a_dead_consumer__taken_over(
    acme: Tenant, live_redis: redis.Redis
) -> None:
    _add(live_redis, make_event(acme.uid))
    live_redis.xgroup_create(redis_names.EVENT_STREAM, redis_names.EVENT_GROUP, id="0")
    live_redis.xreadgroup(
        redis_names.EVENT_GROUP, "dead", {redis_names.EVENT_STREAM: ">"}, count=10
    )

    assert _consumer(live_redis, name="alive").run_once() == Tally(entries=1, new=1)


def test_run_once__restarted_under_its_name__resumes_at_once(
    acme: Tenant, live_redis: redis.Redis
) -> None:
    _add(live_redis, make_event(acme.uid))
    live_redis.xgroup_create(redis_names.EVENT_STREAM, redis_names.EVENT_GROUP, id="0")
    live_redis.xreadgroup(redis_names.EVENT_GROUP, "one", {redis_names.EVENT_STREAM: ">"}, count=10)

    restarted = _consumer(live_redis, name="one", claim_idle_ms=60_000)

    assert restarted.run_once() == Tally(entries=1, new=1)


def test_run_once__redis_lost_the_group__goes_on(acme: Tenant, live_redis: redis.Redis) -> None:
    consumer = _consumer(live_redis)
    consumer.run_once()
    live_redis.flushall()
    _add(live_redis, make_event(acme.uid))

    assert consumer.run_once() == Tally(entries=1, new=1)


class BreaksOnce(redis.Redis):
    """Redis as usual, but the first acknowledgement finds the connection broken."""

    broken = False

    def pipeline(self, *args: Any, **kwargs: Any) -> Any:
        if not self.broken:
            self.broken = True
            raise redis.ConnectionError("broken")
        return super().pipeline(*args, **kwargs)


def test_run_once__after_a_fault__resumes_at_once(
    acme: Tenant, live_redis: redis.Redis, redis_url: str
) -> None:
    _add(live_redis, make_event(acme.uid))
    with BreaksOnce.from_url(redis_url) as client:
        consumer = _consumer(client, claim_idle_ms=60_000)
        with pytest.raises(redis.ConnectionError):
            consumer.run_once()

        assert consumer.run_once() == Tally(entries=1, repeated=1)


@pytest.mark.django_db(transaction=True)
def test_ingest_events__killed_between_commit_and_ack__counted_once(
    acme: Tenant, live_redis: redis.Redis, redis_url: str, database_url: str
) -> None:
    _add(live_redis, *(make_event(acme.uid) for _position in range(20)))

    killed = _run(
        [sys.executable, "-m", "tests.cache_admin.killed_before_ack"], redis_url, database_url
    )
    committed, unacknowledged = CallEvent.objects.count(), live_redis.xlen(redis_names.EVENT_STREAM)
    resumed = _ingest(redis_url, database_url)

    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert (committed, unacknowledged) == (20, 1)
    assert resumed == {"entries": 1, "new": 0, "repeated": 20, "poisoned": 0}
    assert _counted() == 20


@pytest.mark.django_db(transaction=True)
def test_ingest_events__told_to_stop__ends_cleanly(
    acme: Tenant, live_redis: redis.Redis, redis_url: str, database_url: str
) -> None:
    _add(live_redis, make_event(acme.uid))
    argv = [sys.executable, "manage.py", "ingest_events", "--json"]
    with subprocess.Popen(
        argv, env=_environ(redis_url, database_url), stdout=subprocess.PIPE, text=True
    ) as process:
        deadline = time.monotonic() + 60
        while live_redis.xlen(redis_names.EVENT_STREAM) and time.monotonic() < deadline:
            time.sleep(0.05)
        process.send_signal(signal.SIGTERM)
        output, _errors = process.communicate(timeout=60)

    assert (process.returncode, msgspec.json.decode(output)["new"]) == (0, 1)


def _ingest(redis_url: str, database_url: str) -> object:
    argv = [sys.executable, "manage.py", "ingest_events", "--drain", "--json"]
    done = _run([*argv, "--name", "killed"], redis_url, database_url)
    return msgspec.json.decode(done.stdout)


def _run(argv: list[str], redis_url: str, database_url: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        argv,
        env=_environ(redis_url, database_url),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def _environ(redis_url: str, database_url: str) -> dict[str, str]:
    return {**os.environ, "REDIS_URL": redis_url, "DATABASE_URL": database_url}
