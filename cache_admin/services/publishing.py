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
from cache_admin.snapshot_changes import same_content, snapshot_changes, summarize
from routing.errors import SnapshotSchemaError
from routing.snapshot import Snapshot, decode_snapshot, encode_snapshot, snapshot_digest

_NOTHING: Mapping[str, Any] = {}


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
    ) -> AuditEntry:
        """One audit row with the values that differ. Never give it a secret."""
        changes = {
            name: [before.get(name), after.get(name)]
            for name in sorted(before.keys() | after.keys())
            if before.get(name) != after.get(name)
        }
        return AuditEntry.objects.create(
            tenant=self.tenant,
            actor=self.actor.user,
            actor_label=self.actor.label,
            action=action,
            target=target._meta.model_name or "",
            target_uid=getattr(target, "uid", "") or str(target.pk),
            changes=msgspec.to_builtins(changes, enc_hook=str),
        )


_open_change: ContextVar[Journal | None] = ContextVar("_open_change", default=None)
_noted: ContextVar[list[int] | None] = ContextVar("_noted", default=None)


@contextmanager
def noted_revisions() -> Iterator[list[int]]:
    """The numbers of the revisions that the block itself writes, filled in as it writes them."""
    numbers: list[int] = []
    token = _noted.set(numbers)
    try:
        yield numbers
    finally:
        _noted.reset(token)


@contextmanager
def change(*, actor: Actor, tenant: Tenant | None, note: str = "") -> Iterator[Journal]:
    """The frame of every write: publishes what the block changed, or nothing if it changed nothing.

    `tenant` is whose configuration changes, None when all may. A change within a change joins it,
    so that a whole import becomes one revision. Raises InvalidInput when the outcome is not a
    configuration that runtimes accept; nothing is saved then.
    """
    journal = Journal(actor, tenant)
    with transaction.atomic():
        outer = _open_change.get()
        if outer is not None:
            if outer.tenant not in (None, tenant):
                raise RuntimeError(f"a change of {outer.tenant} cannot hold one of {tenant}")
            yield journal
            return
        take_turn("publish")
        token = _open_change.set(journal)
        try:
            yield journal
        finally:
            _open_change.reset(token)
        publish_if_changed(journal, note=note)


def publish_if_changed(journal: Journal, *, note: str = "", whole: bool = False) -> Revision | None:
    """What `publish_rows` does; None when the rows configure the same as the last revision."""
    last, before = _last()
    draft = _draft(journal, before, number=_next_number(last), whole=whole)
    if same_content(before, draft):
        return None
    return _write(draft, before, journal, note=note)


def publish_rows(
    journal: Journal,
    *,
    note: str = "",
    restores: Revision | None = None,
    above: int = 0,
    whole: bool = False,
) -> Revision:
    """Number and keep the configuration as it now is, to be pushed when the transaction commits.

    Only the journal's tenant is read anew, the others are as in the last revision; `whole` reads
    every tenant, in case rows were changed by something else than a service. The number is the next
    one, and in any case greater than `above`. Needs the turn "publish".
    """
    last, before = _last()
    number = max(_next_number(last), above + 1)
    draft = _draft(journal, before, number=number, whole=whole)
    return _write(draft, before, journal, note=note, restores=restores)


def _draft(journal: Journal, before: Snapshot | None, *, number: int, whole: bool) -> Snapshot:
    now = timezone.now()
    if before is None or journal.tenant is None or whole:
        return build_snapshot(revision=number, created_at=now)
    return build_snapshot(revision=number, created_at=now, changed=journal.tenant, base=before)


def _write(
    snapshot: Snapshot,
    before: Snapshot | None,
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
    changes = snapshot_changes(before, snapshot)
    revision = Revision.objects.create(
        number=snapshot.revision,
        body=Revision.packed(body),
        digest=digest,
        diff=msgspec.to_builtins(list(changes)),
        summary=msgspec.to_builtins(list(summarize(changes))),
        tenant=journal.tenant,
        author=journal.actor.user,
        author_label=journal.actor.label,
        note=note,
        restores=restores,
        created_at=snapshot.created_at,
    )
    if (noted := _noted.get()) is not None:
        noted.append(revision.number)
    transaction.on_commit(partial(push_revision, revision.number), robust=True)
    return revision


def _last() -> tuple[Revision | None, Snapshot | None]:
    """The last revision and its snapshot; None for what there is not, or is of another schema."""
    revision = Revision.objects.order_by("-number").defer("diff").first()
    if revision is None or not revision.body:
        return revision, None
    try:
        return revision, decode_snapshot(revision.snapshot_body)
    except SnapshotSchemaError:
        # Written by a release with another schema: everything counts as changed.
        return revision, None


def _next_number(last: Revision | None) -> int:
    return last.number + 1 if last else 1
