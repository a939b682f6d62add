from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import msgspec
import pytest
from django.db import connection, transaction

from cache_admin.errors import StaleEdit
from cache_admin.models import CallEvent, Faq, HourlyRollup, Mutex, Policy, Revision, Tenant
from cache_admin.services.faqs import FaqSpec, create_faq
from cache_admin.services.ingest import store_events
from cache_admin.services.invalidations import InvalidationSpec, request_invalidation
from cache_admin.services.policies import spec_of, update_policy
from cache_admin.services.turns import take_turn
from routing.snapshot import decode_snapshot
from tests.cache_admin.builders import NOON_MS, ROBOT, make_event, make_policy

pytestmark = pytest.mark.django_db(transaction=True)

_THREADS = 4


def test_change__several_at_once__every_one_in_the_last_revision(acme: Tenant) -> None:
    def add(number: int) -> None:
        spec = FaqSpec(question=f"Question {number}?", answer="Yes.")
        create_faq(tenant=acme, actor=ROBOT, spec=spec)
        connection.close()

    with ThreadPoolExecutor(_THREADS) as pool:
        list(pool.map(add, range(12)))

    last = Revision.objects.latest("number")
    snapshot = decode_snapshot(last.snapshot_body)
    assert (last.number, len(snapshot.tenants[0].faqs), Faq.objects.count()) == (13, 12, 12)


def test_update_policy__two_edits_of_one_version__one_is_stale(acme: Tenant) -> None:
    policy = make_policy(acme)

    def edit(ttl_seconds: int) -> bool:
        spec = replace(spec_of(Policy.objects.get(pk=policy.pk)), ttl_seconds=ttl_seconds)
        try:
            update_policy(policy=policy, actor=ROBOT, spec=spec, expected_version=1)
        except StaleEdit:
            return False
        finally:
            connection.close()
        return True

    with ThreadPoolExecutor(2) as pool:
        saved = list(pool.map(edit, (70, 80)))

    assert sorted(saved) == [False, True]


def test_store_events__same_batch_by_two_consumers__counted_once(acme: Tenant) -> None:
    events = [make_event(acme.uid) for _position in range(200)]

    def store(_consumer: int) -> int:
        new = store_events(events).new
        connection.close()
        return new

    with ThreadPoolExecutor(2) as pool:
        counts = list(pool.map(store, range(2)))

    assert (sum(counts), HourlyRollup.objects.get().calls) == (200, 200)


# SQLite has one writer at a time: nobody could ask for anything meanwhile.
@pytest.mark.postgres
@pytest.mark.parametrize("database_url", ["postgres"], indirect=True)
def test_store_events__user_erased_while_it_waits_its_turn__name_not_kept(acme: Tenant) -> None:
    event = msgspec.structs.replace(make_event(acme.uid, time_ms=NOON_MS), user="ann")
    Mutex.objects.create(name="ingest")

    def store() -> None:
        store_events([event])
        connection.close()

    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            take_turn("ingest")
            stored = pool.submit(store)
            _until_someone_waits()
            _ask_elsewhere(acme)
        stored.result()

    assert CallEvent.objects.get().user == ""


def _until_someone_waits() -> None:
    with connection.cursor() as cursor:
        waiting = 0
        while not waiting:
            time.sleep(0.01)
            cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
            waiting = cursor.fetchone()[0]


def _ask_elsewhere(tenant: Tenant) -> None:
    """Ask for an erasure from another connection, committed at once."""

    def ask() -> None:
        spec = InvalidationSpec(kind="user", target="ann")
        request_invalidation(tenant=tenant, actor=ROBOT, spec=spec)
        connection.close()

    with ThreadPoolExecutor(1) as pool:
        pool.submit(ask).result()
