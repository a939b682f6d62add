"""Removing answers by hand, from the request to the receipt."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
import redis
from django.utils import timezone
from pytest_django import DjangoCaptureOnCommitCallbacks

from cache_admin import tasks
from cache_admin.errors import InvalidInput
from cache_admin.models import AuditEntry, CallEvent, Invalidation, Policy, Revision, Tenant
from cache_admin.services.documents import bump_document
from cache_admin.services.ingest import store_events
from cache_admin.services.invalidations import (
    InvalidationSpec,
    clear_policy,
    clear_tenant,
    request_invalidation,
)
from cache_admin.services.removal import (
    LOST_AFTER,
    fail_invalidation,
    resume_invalidations,
    run_invalidation,
)
from cache_admin.services.revisions import rollback
from routing.redis_names import user_digest
from routing.snapshot import decode_snapshot
from tests.cache_admin.builders import NOON_MS, ROBOT, make_document, make_event, make_policy
from tests.cache_admin.stored import keep_answer, kept_answers

pytestmark = pytest.mark.django_db

QUEUE = "reprise:celery:celery"


def _ask(tenant: Tenant, kind: str, target: str = "") -> Invalidation:
    spec = InvalidationSpec(kind=kind, target=target)
    return request_invalidation(tenant=tenant, actor=ROBOT, spec=spec)


def _carried_out(row: Invalidation) -> Invalidation:
    run_invalidation(row.pk)
    row.refresh_from_db()
    return row


def test_request__tag__waits_and_is_audited(acme: Tenant) -> None:
    row = _ask(acme, "tag", "order:1")

    entry = AuditEntry.objects.latest("pk")
    assert (row.state, row.target, row.requested_label) == ("pending", "order:1", "tests")
    assert entry.changes == {"kind": [None, "tag"], "target": [None, "order:1"]}


def test_request__user__named_by_digest_everywhere_people_look(acme: Tenant) -> None:
    row = _ask(acme, "user", "ann@example.com")

    assert row.target == user_digest("ann@example.com")
    assert "ann@example.com" not in str(list(AuditEntry.objects.values()))


@pytest.mark.parametrize(
    ("kind", "target", "field"),
    [
        ("tag", "", "target"),
        ("tag", "x" * 129, "target"),
        ("tag", "a\nb", "target"),
        ("user", "u" * 257, "target"),
        ("entry", "no dot", "target"),
        ("entry", "faq.abc", "target"),
        ("policy", "missing", "target"),
        ("document", "missing", "target"),
        ("everything", "", "kind"),
    ],
)
def test_request__nonsense__refused_at_its_field(
    acme: Tenant, kind: str, target: str, field: str
) -> None:
    with pytest.raises(InvalidInput) as caught:
        _ask(acme, kind, target)

    assert set(caught.value.fields) == {field}
    assert not Invalidation.objects.exists()


def test_request__committed__worker_is_told(
    acme: Tenant,
    live_redis: redis.Redis,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        row = _ask(acme, "tag", "order:1")

    message: Any = live_redis.lindex(QUEUE, 0)
    headers = msgspec.json.decode(message)["headers"]
    assert (headers["task"], headers["argsrepr"]) == (
        "cache_admin.run_invalidation",
        f"({row.pk},)",
    )


def test_request__redis_away__still_stands_and_keeps_nobody_waiting(
    acme: Tenant, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    began = time.monotonic()
    with django_capture_on_commit_callbacks(execute=True):
        row = _ask(acme, "tag", "order:1")

    assert Invalidation.objects.get(pk=row.pk).state == "pending"
    assert time.monotonic() - began < 4


def test_clear_policy__saved__generation_in_the_next_snapshot(acme: Tenant) -> None:
    policy = make_policy(acme)

    row = clear_policy(policy=policy, actor=ROBOT, note="Wrong prices")

    revision = Revision.objects.latest("number")
    [tenant] = decode_snapshot(revision.snapshot_body).tenants
    assert {item.uid: item.generation for item in tenant.policies}[policy.uid] == 2
    assert (revision.note, row.target, row.kind) == ("Wrong prices", "chat", "policy")


def test_clear_tenant__saved__generation_in_the_next_snapshot(acme: Tenant) -> None:
    clear_tenant(tenant=acme, actor=ROBOT)

    assert Revision.objects.latest("number").diff == [
        {"path": "tenants/acme/generation", "before": 1, "after": 2}
    ]


def test_clear_tenant__rolled_back__stays_cleared(acme: Tenant) -> None:
    old = Revision.objects.latest("number")
    clear_tenant(tenant=acme, actor=ROBOT)

    rollback(revision=old, actor=ROBOT, tenant=acme)

    acme.refresh_from_db()
    assert acme.generation == 2


def test_run__tag__those_entries_go_and_the_receipt_tells(
    acme: Tenant, live_redis: redis.Redis, live_url: str
) -> None:
    keep_answer(live_url, acme, entry_id="e1", tags=("order:1",))
    keep_answer(live_url, acme, entry_id="e2", tags=("order:2",))

    row = _carried_out(_ask(acme, "tag", "order:1"))

    assert kept_answers(live_redis, acme) == ["e2"]
    assert (row.state, row.removed_entries, row.removed_index_keys) == ("done", 1, 1)
    assert (row.residual_keys, row.blanked_events) == (0, None)


def test_run__entry__that_one_goes(acme: Tenant, live_redis: redis.Redis, live_url: str) -> None:
    keep_answer(live_url, acme, entry_id="e1")
    keep_answer(live_url, acme, entry_id="e2")

    _carried_out(_ask(acme, "entry", "p1.e1"))

    assert kept_answers(live_redis, acme) == ["e2"]


def test_run__policy__only_its_answers_go(
    acme: Tenant, live_redis: redis.Redis, live_url: str
) -> None:
    policy = make_policy(acme)
    keep_answer(live_url, acme, entry_id="e1", policy=policy.uid)
    keep_answer(live_url, acme, entry_id="e2", policy="other", partition="p2")

    row = _carried_out(_ask(acme, "policy", "chat"))

    assert (kept_answers(live_redis, acme), row.removed_entries) == (["e2"], 1)


def test_run__tenant__other_tenants_keep_theirs(
    acme: Tenant, globex: Tenant, live_redis: redis.Redis, live_url: str
) -> None:
    keep_answer(live_url, acme)
    keep_answer(live_url, globex)

    row = _carried_out(_ask(acme, "tenant"))

    assert (row.target, row.removed_entries, row.residual_keys) == ("acme", 1, 0)
    assert (kept_answers(live_redis, acme), kept_answers(live_redis, globex)) == ([], ["e1"])


def test_run__document__collector_takes_what_rested_on_it(
    acme: Tenant, live_redis: redis.Redis, live_url: str
) -> None:
    policy = Policy.objects.get(name="frequent-faq")
    make_document(acme, slug="manual")
    keep_answer(live_url, acme, policy=policy.uid, documents={"manual": "1"})

    row = _carried_out(_ask(acme, "document", "manual"))

    assert (row.state, row.removed_entries, row.residual_keys) == ("done", 1, 0)
    assert kept_answers(live_redis, acme) == []


def test_run__user__answers_name_and_events_are_gone(
    acme: Tenant, live_redis: redis.Redis, live_url: str
) -> None:
    keep_answer(live_url, acme, asked_by="ann")
    event = msgspec.structs.replace(make_event(acme.uid), user="ann")
    store_events([event, msgspec.structs.replace(make_event(acme.uid), user="bob")])

    row = _carried_out(_ask(acme, "user", "ann"))

    assert (row.removed_entries, row.blanked_events, row.subject) == (1, 1, "")
    assert kept_answers(live_redis, acme) == []
    assert sorted(CallEvent.objects.values_list("user", flat=True)) == ["", "bob"]


@pytest.mark.parametrize("user", [" ann ", "ann\u0085"])
def test_run__user_with_odd_characters__his_answers_go(
    acme: Tenant, live_redis: redis.Redis, live_url: str, user: str
) -> None:
    keep_answer(live_url, acme, asked_by=user)

    row = _carried_out(_ask(acme, "user", user))

    assert (row.removed_entries, kept_answers(live_redis, acme)) == (1, [])


@pytest.mark.parametrize(("hours_later", "user"), [(-1, ""), (1, "ann")])
def test_ingest__event_of_an_erased_user__blank_if_from_before(
    acme: Tenant, hours_later: int, user: str
) -> None:
    _ask(acme, "user", "ann")
    at = datetime.now(UTC) + timedelta(hours=hours_later)
    event = make_event(acme.uid, time_ms=int(at.timestamp() * 1000))

    store_events([msgspec.structs.replace(event, user="ann")])

    assert CallEvent.objects.get().user == user


def test_ingest__same_name_in_another_tenant__kept(acme: Tenant, globex: Tenant) -> None:
    _ask(acme, "user", "ann")

    store_events([msgspec.structs.replace(make_event(globex.uid, time_ms=NOON_MS), user="ann")])

    assert CallEvent.objects.get().user == "ann"


def test_run__redis_away__waits_and_says_why(acme: Tenant) -> None:
    row = _carried_out(_ask(acme, "user", "ann"))

    assert (row.state, row.subject) == ("pending", "ann")
    assert row.error.startswith("Redis:")


def test_run__twice__second_does_nothing(acme: Tenant, live_redis: redis.Redis) -> None:
    row = _ask(acme, "tag", "order:1")

    assert (run_invalidation(row.pk), run_invalidation(row.pk)) == (True, False)


def test_run__another_under_way__waits(acme: Tenant, live_redis: redis.Redis) -> None:
    first, second = _ask(acme, "tag", "a"), _ask(acme, "tag", "b")
    Invalidation.objects.filter(pk=first.pk).update(state="running", heard_at=timezone.now())

    assert _carried_out(second).state == "pending"


def test_resume__interrupted__waits_again_and_worker_is_told(
    acme: Tenant,
    live_redis: redis.Redis,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    row = _ask(acme, "tag", "a")
    long_ago = timezone.now() - 2 * LOST_AFTER
    Invalidation.objects.update(state="running", heard_at=long_ago, created_at=long_ago)

    with django_capture_on_commit_callbacks(execute=True):
        assert resume_invalidations() == 1

    row.refresh_from_db()
    assert (row.state, live_redis.llen(QUEUE)) == ("pending", 1)


def test_resume__just_asked__left_to_its_own_task(acme: Tenant) -> None:
    _ask(acme, "tag", "a")

    assert resume_invalidations() == 0


def test_fail__user__name_is_not_kept(acme: Tenant) -> None:
    row = _ask(acme, "user", "ann")

    fail_invalidation(row.pk, reason="ValueError")

    row.refresh_from_db()
    assert (row.state, row.subject, row.error) == ("failed", "", "ValueError")


def test_bump_document__answers_rest_on_it__counted_on_the_version(
    acme: Tenant, live_redis: redis.Redis, live_url: str
) -> None:
    document = make_document(acme, slug="manual")
    keep_answer(live_url, acme, documents={"manual": "1"})

    assert bump_document(document=document, actor=ROBOT).retired_entries == 1


def test_task__removal_that_cannot_be_done__failed_with_the_kind_of_fault(
    acme: Tenant, live_redis: redis.Redis
) -> None:
    row = _ask(acme, "tag", "a")
    Invalidation.objects.update(kind="document", subject="no number")

    tasks.run_invalidation(row.pk)

    row.refresh_from_db()
    assert (row.state, row.error) == ("failed", "ValueError")
