"""Published revisions, and which runtime obeys which."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import msgspec
import redis
from django.db.models import Q, QuerySet
from django.utils import timezone

from cache_admin.models import Revision, RuntimeInstance, Tenant
from cache_admin.redis import redis_client
from cache_admin.selectors.embedding import is_own_model
from cache_admin.selectors.heartbeats import decoded_heartbeats
from cache_admin.snapshot_changes import PATHS_SHOWN, Change, PartSummary, part_of
from routing import redis_names
from routing.snapshot import Acknowledgement, Heartbeat, LoadedModel

if TYPE_CHECKING:
    from django.contrib.auth.models import User

logger = logging.getLogger(__name__)

RUNTIME_SILENT_AFTER = timedelta(seconds=20)
_DEFAULT_LIMIT = 50


@dataclass(frozen=True, slots=True)
class Ack:
    """A runtime's word on a revision; `error` is why it refused it, empty when in force.

    `at` and `seconds_after_save` are None when it went straight to a later revision.
    """

    instance: str
    at: datetime | None
    error: str
    seconds_after_save: float | None


@dataclass(frozen=True, slots=True)
class RevisionRow:
    """A revision as one tenant's people may see it, in a list.

    `change_count` and `paths`, the first changes of a part, are of their own tenant and of what is
    common to all. `acks` is None when Redis does not answer. `is_current`: no later revision
    concerns the tenant.
    """

    revision: Revision
    change_count: int
    paths: tuple[str, ...]
    acks: tuple[Ack, ...] | None
    is_current: bool


@dataclass(frozen=True, slots=True)
class RevisionWithDiff(RevisionRow):
    """The same, with every change they may see."""

    diff: tuple[Change, ...]


@dataclass(frozen=True, slots=True)
class RuntimeRow:
    """A runtime as it last described itself, beside the latest revision.

    One that is ahead obeys a revision this database does not know, as after restoring the database
    from a backup; publishing goes past it. `models` are the embedding models the asker may see.
    """

    runtime: RuntimeInstance
    is_silent: bool
    revisions_behind: int
    revisions_ahead: int
    models: tuple[LoadedModel, ...]


def revisions_for(
    tenant: Tenant, user: User, *, before: int | None = None, limit: int = _DEFAULT_LIMIT
) -> tuple[RevisionRow, ...]:
    """The newest revisions that concern `tenant`, numbered below `before` when given.

    Superusers see all of what changed in revisions that concern everyone, others their part.
    """
    revisions = _concerning(tenant).defer("body", "diff")
    if before is not None:
        revisions = revisions.filter(number__lt=before)
    return _rows(list(revisions[:limit]), tenant, user)


def revision_for(tenant: Tenant, user: User, *, number: int) -> RevisionWithDiff | None:
    """One revision that concerns `tenant`; None when there is none of that number."""
    revision = _concerning(tenant).defer("body").filter(number=number).first()
    if revision is None:
        return None
    [row] = _rows([revision], tenant, user)
    return RevisionWithDiff(
        revision=revision,
        change_count=row.change_count,
        paths=row.paths,
        acks=row.acks,
        is_current=row.is_current,
        diff=tuple(
            item
            for item in msgspec.convert(revision.diff, tuple[Change, ...])
            if _may_see(user, tenant, part_of(item.path))
        ),
    )


def runtimes(tenant: Tenant, *, user: User | None = None) -> tuple[RuntimeRow, ...]:
    """Every runtime that was heard of within the last day.

    Of the embedding models superusers see all, others the runtimes' own and that of `tenant`.
    """
    number = _latest_number()
    silent_before = timezone.now() - RUNTIME_SILENT_AFTER
    return tuple(
        RuntimeRow(
            runtime=runtime,
            is_silent=runtime.last_seen_at < silent_before,
            revisions_behind=max(0, number - runtime.revision),
            revisions_ahead=max(0, runtime.revision - number),
            models=tuple(
                model
                for model in msgspec.convert(runtime.embedding_models, tuple[LoadedModel, ...])
                if (user is not None and user.is_superuser)
                or model.model_id == runtime.embedding_model
                or is_own_model(model, tenant)
            ),
        )
        for runtime in RuntimeInstance.objects.order_by("instance")
    )


def _concerning(tenant: Tenant) -> QuerySet[Revision]:
    return Revision.objects.filter(Q(tenant=tenant) | Q(tenant=None)).order_by("-number")


def _latest_number() -> int:
    numbers = Revision.objects.order_by("-number").values_list("number", flat=True)
    return numbers.first() or 0


def _rows(revisions: Sequence[Revision], tenant: Tenant, user: User) -> tuple[RevisionRow, ...]:
    current = _concerning(tenant).values_list("number", flat=True).first()
    acks = _acknowledgements(revisions)
    rows = []
    for position, revision in enumerate(revisions):
        parts = msgspec.convert(revision.summary, tuple[PartSummary, ...])
        seen = [part for part in parts if _may_see(user, tenant, part.part)]
        rows.append(
            RevisionRow(
                revision=revision,
                change_count=sum(part.count for part in seen),
                paths=tuple(path for part in seen for path in part.paths)[:PATHS_SHOWN],
                acks=None if acks is None else acks[position],
                is_current=revision.number == current,
            )
        )
    return tuple(rows)


def _may_see(user: User, tenant: Tenant, part: str) -> bool:
    return user.is_superuser or part in (f"tenants/{tenant.slug}", "prices")


def _acknowledgements(revisions: Sequence[Revision]) -> list[tuple[Ack, ...]] | None:
    try:
        with redis_client().pipeline(transaction=False) as pipe:
            pipe.hgetall(redis_names.RUNTIMES)
            for revision in revisions:
                pipe.hvals(redis_names.acknowledgements(revision.number))
            beats, *found = pipe.execute()
    except redis.RedisError as error:
        logger.warning("revision.acks_unknown reason=%s", error)
        return None
    # A runtime ahead of this database obeys none of its revisions.
    latest = _latest_number()
    known = [beat for beat in decoded_heartbeats(beats) if beat.revision <= latest]
    return [_acks(revision, blobs, known) for revision, blobs in zip(revisions, found, strict=True)]


def _acks(
    revision: Revision, blobs: Sequence[bytes], beats: Iterable[Heartbeat]
) -> tuple[Ack, ...]:
    """By heartbeat who obeys `revision` or a later one; by exact word since when, or why not."""
    acks = {
        beat.instance: Ack(beat.instance, None, "", None)
        for beat in beats
        if beat.revision >= revision.number
    }
    for blob in blobs:
        try:
            said = msgspec.json.decode(blob, type=Acknowledgement)
        except msgspec.MsgspecError as error:
            logger.warning("revision.bad_ack number=%d reason=%s", revision.number, error)
            continue
        delay = (said.at - revision.created_at).total_seconds()
        acks[said.instance] = Ack(said.instance, said.at, said.error or "", delay)
    return tuple(sorted(acks.values(), key=lambda ack: ack.instance))
