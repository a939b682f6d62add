"""Every change of configuration: rows, audit and revision in one transaction, pushed on commit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import partial
from typing import Any

import msgspec
from django.db import transaction
from django.db.models import Model
from django.utils import timezone
from django.utils.translation import gettext as _

from cache_admin.errors import InvalidInput
from cache_admin.mappers import build_snapshot
from cache_admin.models import AuditEntry, Revision, Tenant
from cache_admin.services.actor import Actor
from cache_admin.services.push import push_revision
from cache_admin.services.turns import take_turn
from cache_admin.snapshot_changes import same_content, snapshot_changes
from routing.errors import SnapshotSchemaError
from routing.snapshot import Snapshot, decode_snapshot, encode_snapshot, snapshot_digest

_NOTHING: Mapping[str, Any] = {}
_change_is_open: ContextVar[bool] = ContextVar("_change_is_open", default=False)


@dataclass(frozen=True, slots=True)
class Journal:
    """Notes who changed what, in the transaction that changes it."""

    actor: Actor
    tenant: Tenant | None

    def record(
        self,
        action: str,
        *,
        target: Model,
        before: Mapping[str, Any] = _NOTHING,
        after: Mapping[str, Any] = _NOTHING,
    ) -> None:
        """One audit row with the values that differ. Never give it a secret."""
        changes = {
            name: [before.get(name), after.get(name)]
            for name in sorted(before.keys() | after.keys())
            if before.get(name) != after.get(name)
        }
        AuditEntry.objects.create(
            tenant=self.tenant,
            actor=self.actor.user,
            actor_label=self.actor.label,
            action=action,
            target=target._meta.model_name or "",
            target_uid=getattr(target, "uid", "") or str(target.pk),
            changes=msgspec.to_builtins(changes, enc_hook=str),
        )


@contextmanager
def change(*, actor: Actor, tenant: Tenant | None, note: str = "") -> Iterator[Journal]:
    """The frame of every write: publishes what the block changed, or nothing if it changed nothing.

    `tenant` is whose configuration changes, None when all may. A change within a change joins it,
    so that a whole import becomes one revision. Raises InvalidInput when the outcome is not a
    configuration that runtimes accept; nothing is saved then.
    """
    journal = Journal(actor, tenant)
    with transaction.atomic():
        if _change_is_open.get():
            yield journal
            return
        take_turn("publish")
        token = _change_is_open.set(True)
        try:
            yield journal
        finally:
            _change_is_open.reset(token)
        publish_if_changed(journal, note=note)


def publish_if_changed(journal: Journal, *, note: str = "") -> Revision | None:
    """What `publish_rows` does; None when the rows configure the same as the last revision."""
    last = Revision.objects.order_by("-number").first()
    draft = build_snapshot(revision=_next_number(last), created_at=timezone.now())
    if same_content(_decoded(last), draft):
        return None
    return _write(draft, last, journal, note=note)


def publish_rows(
    journal: Journal, *, note: str = "", restores: Revision | None = None, above: int = 0
) -> Revision:
    """Number and keep the configuration as it now is, to be pushed when the transaction commits.

    The number is the next one, and in any case greater than `above`. Needs the turn "publish".
    """
    last = Revision.objects.order_by("-number").first()
    number = max(_next_number(last), above + 1)
    draft = build_snapshot(revision=number, created_at=timezone.now())
    return _write(draft, last, journal, note=note, restores=restores)


def _write(
    snapshot: Snapshot,
    last: Revision | None,
    journal: Journal,
    *,
    note: str,
    restores: Revision | None = None,
) -> Revision:
    body = encode_snapshot(snapshot)
    digest = snapshot_digest(body)
    try:
        decode_snapshot(body, digest=digest)
    except SnapshotSchemaError as error:
        message = _("The runtimes would refuse this configuration: %(reason)s") % {
            "reason": str(error)
        }
        raise InvalidInput(message, code="snapshot_invalid") from error
    revision = Revision.objects.create(
        number=snapshot.revision,
        body=body.decode(),
        digest=digest,
        diff=msgspec.to_builtins(list(snapshot_changes(_decoded(last), snapshot))),
        tenant=journal.tenant,
        author=journal.actor.user,
        note=note,
        restores=restores,
        created_at=snapshot.created_at,
    )
    transaction.on_commit(partial(push_revision, revision.number), robust=True)
    return revision


def _next_number(last: Revision | None) -> int:
    return last.number + 1 if last else 1


def _decoded(revision: Revision | None) -> Snapshot | None:
    """The snapshot of `revision`; None when there is none this release can read."""
    if revision is None or not revision.body:
        return None
    try:
        return decode_snapshot(revision.body.encode())
    except SnapshotSchemaError:
        # Written by a release with another schema: everything counts as changed.
        return None
