"""Published revisions, and which runtime obeys which."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import msgspec
import redis
from django.db.models import Q
from django.utils import timezone

from cache_admin.models import Revision, RuntimeInstance, Tenant
from cache_admin.redis import redis_client
from cache_admin.snapshot_changes import Change
from routing import redis_names
from routing.snapshot import Acknowledgement

if TYPE_CHECKING:
    from django.contrib.auth.models import User

logger = logging.getLogger(__name__)

RUNTIME_SILENT_AFTER = timedelta(seconds=20)
_DEFAULT_LIMIT = 50


@dataclass(frozen=True, slots=True)
class Ack:
    """A runtime's word on a revision; `error` is why it refused it, empty when in force."""

    instance: str
    at: datetime
    error: str
    seconds_after_save: float


@dataclass(frozen=True, slots=True)
class RevisionRow:
    """A revision as one tenant's people may see it: `diff` holds their own tenant's changes only.

    `acks` is None when Redis does not answer.
    """

    revision: Revision
    diff: tuple[Change, ...]
    acks: tuple[Ack, ...] | None
    is_current: bool


@dataclass(frozen=True, slots=True)
class RuntimeRow:
    """A runtime as it last described itself; `revisions_behind` counts from the latest one."""

    runtime: RuntimeInstance
    is_silent: bool
    revisions_behind: int


def latest_revision() -> Revision | None:
    """The newest revision, without its body."""
    return Revision.objects.order_by("-number").defer("body", "diff").first()


def revisions_for(
    tenant: Tenant, user: User, *, before: int | None = None, limit: int = _DEFAULT_LIMIT
) -> tuple[RevisionRow, ...]:
    """The newest revisions that concern `tenant`, numbered below `before` when given.

    Superusers see the whole diff of revisions that concern everyone, others their tenant's part.
    """
    revisions = (
        Revision.objects.filter(Q(tenant=tenant) | Q(tenant=None)).defer("body").order_by("-number")
    )
    if before is not None:
        revisions = revisions.filter(number__lt=before)
    return _rows(list(revisions[:limit]), tenant, user)


def revision_for(tenant: Tenant, user: User, *, number: int) -> RevisionRow | None:
    """One revision that concerns `tenant`; None when there is none of that number."""
    revisions = Revision.objects.filter(Q(tenant=tenant) | Q(tenant=None), number=number).defer(
        "body"
    )
    rows = _rows(list(revisions), tenant, user)
    return rows[0] if rows else None


def runtimes() -> tuple[RuntimeRow, ...]:
    """Every runtime that was heard of within the last day."""
    latest = latest_revision()
    number = latest.number if latest else 0
    silent_before = timezone.now() - RUNTIME_SILENT_AFTER
    return tuple(
        RuntimeRow(
            runtime=runtime,
            is_silent=runtime.last_seen_at < silent_before,
            revisions_behind=max(0, number - runtime.revision),
        )
        for runtime in RuntimeInstance.objects.order_by("instance")
    )


def _rows(revisions: Sequence[Revision], tenant: Tenant, user: User) -> tuple[RevisionRow, ...]:
    latest = latest_revision()
    acks = _acknowledgements(revisions)
    return tuple(
        RevisionRow(
            revision=revision,
            diff=_visible_diff(revision, tenant, user),
            acks=None if acks is None else acks[position],
            is_current=latest is not None and latest.number == revision.number,
        )
        for position, revision in enumerate(revisions)
    )


def _visible_diff(revision: Revision, tenant: Tenant, user: User) -> tuple[Change, ...]:
    changes = msgspec.convert(revision.diff, tuple[Change, ...])
    if user.is_superuser:
        return changes
    own = f"tenants/{tenant.slug}"
    return tuple(
        item for item in changes if item.path == own or item.path.startswith((f"{own}/", "prices/"))
    )


def _acknowledgements(revisions: Sequence[Revision]) -> list[tuple[Ack, ...]] | None:
    try:
        with redis_client().pipeline(transaction=False) as pipe:
            for revision in revisions:
                pipe.hvals(redis_names.acknowledgements(revision.number))
            found = pipe.execute()
    except redis.RedisError as error:
        logger.warning("revision.acks_unknown reason=%s", error)
        return None
    return [_acks(revision, blobs) for revision, blobs in zip(revisions, found, strict=True)]


def _acks(revision: Revision, blobs: Sequence[bytes]) -> tuple[Ack, ...]:
    acks = []
    for blob in blobs:
        try:
            said = msgspec.json.decode(blob, type=Acknowledgement)
        except msgspec.MsgspecError as error:
            logger.warning("revision.bad_ack number=%d reason=%s", revision.number, error)
            continue
        delay = (said.at - revision.created_at).total_seconds()
        acks.append(Ack(said.instance, said.at, said.error or "", delay))
    return tuple(sorted(acks, key=lambda ack: ack.instance))
