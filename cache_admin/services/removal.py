"""Carrying out the removals that people asked for, and keeping their receipts."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial

import redis
from django.db import transaction
from django.db.models import F, Min
from django.db.models.functions import Coalesce
from django.utils import timezone
from redis.asyncio import Redis

from cache_admin.models import (
    CallEvent,
    Invalidation,
    InvalidationKind,
    InvalidationState,
    Revision,
)
from cache_admin.queue import enqueue
from cache_admin.redis import ask_redis
from cache_admin.services.ingest import INGEST_TURN
from cache_admin.services.invalidations import RUN_TASK
from cache_admin.services.turns import take_turn
from routing import upkeep
from routing.snapshot import Snapshot, decode_snapshot

logger = logging.getLogger(__name__)

LOST_AFTER = timedelta(minutes=2)
"""Silence after which a removal counts as interrupted; it is told of every second."""

_WAITED = timedelta(seconds=20)
_TELL_SECONDS = 1.0
_COMMAND_TIMEOUT_SECONDS = 30.0
_MAX_ERROR_LENGTH = 500
_USER_COLUMN = CallEvent._meta.get_field("user").max_length or 0
_OPEN = (InvalidationState.PENDING, InvalidationState.RUNNING)
_LEFT_OVER = "entries are still there that should be gone"


@dataclass(frozen=True, slots=True)
class Compacted:
    """What was removed because no call could reach it."""

    entries: int
    partitions: int


@dataclass(slots=True)
class _Listener:
    """Holds what the removal, in its own thread, last said of its progress."""

    last: upkeep.Progress = field(default=upkeep.Progress(0, None))

    def hear(self, progress: upkeep.Progress) -> None:
        self.last = progress


def run_invalidation(number: int) -> bool:
    """Carry out the removal with this primary key, if it waits and no other is under way.

    True when it was carried out, well or not. When Redis does not answer it waits for the next
    try, and says why.
    """
    if not _claimed(number):
        return False
    row = Invalidation.objects.select_related("tenant").get(pk=number)
    try:
        receipt = _removed(row)
    except redis.RedisError as error:
        logger.warning("invalidation.interrupted uid=%s reason=%s", row.uid, error)
        _put_back(row, reason=f"Redis: {error}")
        return False
    blanked = _blank_events(row) if row.kind == InvalidationKind.USER else None
    _finish(row, receipt, blanked=blanked)
    _start_next()
    return True


def fail_invalidation(number: int, *, reason: str) -> None:
    """Note that the removal with this primary key came to nothing."""
    Invalidation.objects.filter(pk=number, state__in=_OPEN).update(
        state=InvalidationState.FAILED,
        subject="",
        error=reason[:_MAX_ERROR_LENGTH],
        finished_at=timezone.now(),
    )
    _start_next()


def resume_invalidations() -> int:
    """Put interrupted removals back, and start the oldest that waits; how many were started."""
    lost = timezone.now() - LOST_AFTER
    Invalidation.objects.filter(state=InvalidationState.RUNNING, heard_at__lt=lost).update(
        state=InvalidationState.PENDING
    )
    return _start_next(waited=_WAITED)


def compact() -> Compacted:
    """Remove what cannot be reached under the configuration in force. Raises redis.RedisError."""
    snapshot = latest_snapshot()
    if snapshot is None:
        return Compacted(entries=0, partitions=0)
    done = ask_redis(
        partial(upkeep.compact, snapshot=snapshot), timeout_seconds=_COMMAND_TIMEOUT_SECONDS
    )
    return Compacted(entries=done.entries, partitions=done.partitions)


def latest_snapshot() -> Snapshot | None:
    """What is in force; None before anything was published."""
    revision = Revision.objects.order_by("-number").defer("diff").first()
    if revision is None or not revision.body:
        return None
    return decode_snapshot(revision.snapshot_body)


def _claimed(number: int) -> bool:
    """Take the removal, in one statement, unless someone has it or another is under way."""
    now = timezone.now()
    busy = Invalidation.objects.filter(
        state=InvalidationState.RUNNING, heard_at__gte=now - LOST_AFTER
    )
    if busy.exists():
        return False
    waiting = Invalidation.objects.filter(pk=number, state=InvalidationState.PENDING)
    claimed = waiting.update(
        state=InvalidationState.RUNNING,
        started_at=Coalesce(F("started_at"), now),
        heard_at=now,
        error="",
    )
    return claimed == 1


def _start_next(*, waited: timedelta = timedelta()) -> int:
    before = timezone.now() - waited
    waiting = Invalidation.objects.filter(state=InvalidationState.PENDING, created_at__lte=before)
    oldest = waiting.order_by("pk").values_list("pk", flat=True).first()
    if oldest is None:
        return 0
    enqueue(RUN_TASK, oldest)
    return 1


def _removed(row: Invalidation) -> upkeep.Receipt:
    """Erase what `row` says. Raises redis.RedisError.

    In a thread, because the database may not be asked where an event loop runs.
    """
    listener = _Listener()
    question = _question(row, listener)
    with ThreadPoolExecutor(max_workers=1) as pool:
        answer: Future[upkeep.Receipt] = pool.submit(
            ask_redis, question, timeout_seconds=_COMMAND_TIMEOUT_SECONDS
        )
        while not wait([answer], timeout=_TELL_SECONDS).done:
            _tell(row, listener.last)
        return answer.result()


def _question(
    row: Invalidation, listener: _Listener
) -> Callable[[Redis], Awaitable[upkeep.Receipt]]:
    tenant, hear = row.tenant.uid, listener.hear
    match InvalidationKind(row.kind):
        case InvalidationKind.ENTRY:
            return partial(upkeep.erase_entry, tenant=tenant, entry=row.target, on_progress=hear)
        case InvalidationKind.TAG:
            return partial(upkeep.erase_tag, tenant=tenant, tag=row.target, on_progress=hear)
        case InvalidationKind.USER:
            return partial(upkeep.erase_user, tenant=tenant, user=row.subject, on_progress=hear)
        case InvalidationKind.POLICY:
            return partial(upkeep.erase_policy, tenant=tenant, policy=row.subject, on_progress=hear)
        case InvalidationKind.TENANT:
            return partial(upkeep.erase_tenant, tenant=tenant, on_progress=hear)
        case InvalidationKind.DOCUMENT:
            return partial(_collect_document, row=row, snapshot=latest_snapshot())


async def _collect_document(
    client: Redis, *, row: Invalidation, snapshot: Snapshot | None
) -> upkeep.Receipt:
    """Have the collector take away what rests on the version before the bump."""
    asked_at = timezone.now()
    version = int(row.subject)
    ask = partial(
        upkeep.preview_document,
        client,
        tenant=row.tenant.uid,
        document=row.target,
        version=version,
    )
    before = await ask()
    if snapshot is not None:
        await upkeep.compact(client, snapshot=snapshot)
    after = await ask()
    return upkeep.Receipt(
        what=f"document:{row.target}@{version}",
        asked_at=asked_at,
        entries=max(0, before.entries - after.entries),
        index_keys=0,
        residual=after.entries,
        seconds=(timezone.now() - asked_at).total_seconds(),
    )


def _tell(row: Invalidation, progress: upkeep.Progress) -> None:
    Invalidation.objects.filter(pk=row.pk).update(
        heard_at=timezone.now(),
        progress_done=progress.done,
        progress_total=progress.total,
        is_verifying=progress.verifying,
    )


def _put_back(row: Invalidation, *, reason: str) -> None:
    Invalidation.objects.filter(pk=row.pk).update(
        state=InvalidationState.PENDING, error=reason[:_MAX_ERROR_LENGTH]
    )


def _blank_events(row: Invalidation) -> int:
    """Take the user's name out of the tenant's events; from how many.

    Day by day, so that no one statement holds up those who add events. Who is about to add some may
    not have known of the erasure; whoever comes after him does.
    """
    with transaction.atomic():
        take_turn(INGEST_TURN)
    calls = CallEvent.objects.for_tenant(row.tenant)
    start, end = calls.aggregate(first=Min("at"))["first"], timezone.now()
    user, blanked = row.subject.replace("\0", "")[:_USER_COLUMN], 0
    while start is not None and start <= end:
        day = calls.filter(at__gte=start, at__lt=start + timedelta(days=1), user=user)
        blanked += day.update(user="")
        start += timedelta(days=1)
    return blanked


def _finish(row: Invalidation, receipt: upkeep.Receipt, *, blanked: int | None) -> None:
    left = receipt.residual > 0
    Invalidation.objects.filter(pk=row.pk).update(
        state=InvalidationState.FAILED if left else InvalidationState.DONE,
        error=_LEFT_OVER if left else "",
        subject="",
        finished_at=timezone.now(),
        progress_done=receipt.entries,
        progress_total=receipt.entries,
        is_verifying=False,
        removed_entries=receipt.entries,
        removed_index_keys=receipt.index_keys,
        blanked_events=blanked,
        residual_keys=receipt.residual,
        duration_ms=round(receipt.seconds * 1000),
    )
