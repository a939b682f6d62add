"""Publishing, rolling back and pruning revisions."""

from __future__ import annotations

import logging
from collections.abc import Sequence

import redis
from django.db import transaction
from django.utils.translation import gettext as _

from cache_admin.errors import InvalidInput, NotAllowed
from cache_admin.models import Revision, RuntimeInstance, Tenant
from cache_admin.selectors.heartbeats import heartbeats
from cache_admin.services.actor import Actor
from cache_admin.services.publishing import Journal, publish_if_changed, publish_rows
from cache_admin.services.push import pushed_pointer
from cache_admin.services.restoring import restore_snapshot
from cache_admin.services.turns import take_turn
from routing.errors import SnapshotSchemaError
from routing.snapshot import Heartbeat, Snapshot, decode_snapshot

logger = logging.getLogger(__name__)

Pointer = tuple[int, str]
"""Number and digest of a revision."""

_BODIES_KEPT = 200


def publish(*, actor: Actor, tenant: Tenant | None = None, note: str = "") -> Revision:
    """Publish the configuration as it stands; the current revision when nothing has changed.

    Goes past revisions that Redis or runtimes hold and this database does not know, as after
    restoring the database from a backup: only so can its revisions get through again.
    """
    pointer, beats = _said()
    with transaction.atomic():
        take_turn("publish")
        journal = Journal(actor, tenant)
        if above := _foreign_number(pointer, beats):
            return publish_rows(journal, note=note, above=above, whole=True)
        revision = publish_if_changed(journal, note=note, whole=True)
        return revision or Revision.objects.latest("number")


def rollback(
    *, revision: Revision, actor: Actor, tenant: Tenant | None = None, note: str = ""
) -> Revision:
    """Bring the content of `revision` back under a new number; of `tenant` only when given.

    See `restoring` for what comes back and what stays. Raises NotAllowed when the revision's
    content has been pruned, or was written by a release with another schema, and InvalidInput when
    it knows nothing of `tenant`.
    """
    snapshot = _content(revision)
    if tenant is not None and tenant.uid not in {item.uid for item in snapshot.tenants}:
        message = _("Revision %(number)d is older than this tenant.") % {"number": revision.number}
        raise InvalidInput(message, fields={"revision": message})
    with transaction.atomic():
        take_turn("publish")
        journal = Journal(actor, tenant)
        entry = journal.record(
            "revision.restored", target=revision, after={"number": revision.number}
        )
        # Each version of a row left an audit entry, so none was ever greater than the last one's.
        restore_snapshot(snapshot, only=tenant, journal=journal, above=entry.pk)
        return publish_rows(journal, note=note, restores=revision)


def prune_revisions() -> int:
    """Drop the bodies of all revisions but the newest 200; how many.

    Number, author, note and diff stay for good; only rolling back to them ends.
    """
    newest = Revision.objects.order_by("-number").values_list("number", flat=True)
    kept = list(newest[:_BODIES_KEPT])
    if len(kept) < _BODIES_KEPT:
        return 0
    return Revision.objects.filter(number__lt=kept[-1]).exclude(body=b"").update(body=b"")


def _content(revision: Revision) -> Snapshot:
    body = revision.snapshot_body
    if not body:
        raise NotAllowed(_("The content of this revision is no longer kept."), code="pruned")
    try:
        return decode_snapshot(body, digest=revision.digest)
    except SnapshotSchemaError as error:
        message = _("This revision was written by a release with another format.")
        raise NotAllowed(message, code="other_schema") from error


def _said() -> tuple[Pointer, tuple[Heartbeat, ...]]:
    """What Redis points to and what the runtimes obey; nothing of what is not known."""
    try:
        return pushed_pointer(), heartbeats()
    except redis.RedisError as error:
        logger.warning("revision.pointer_unknown reason=%s", error)
        return (0, ""), ()


def _foreign_number(pointer: Pointer, beats: Sequence[Heartbeat]) -> int:
    """The highest number at which something not ours stands in our next revision's way, else 0.

    That is a pointer to another content, and a runtime that obeys a later revision, or the latest
    but with another content, which it then says. Needs the turn "publish".
    """
    latest = Revision.objects.order_by("-number").values_list("number", flat=True).first() or 0
    number, digest = pointer
    foreign = {beat.revision for beat in beats if beat.revision > latest}
    foreign |= {beat.revision for beat in beats if beat.revision == latest and beat.error}
    foreign |= set(
        RuntimeInstance.objects.filter(revision__gt=latest).values_list("revision", flat=True)
    )
    if number >= latest and not Revision.objects.filter(number=number, digest=digest).exists():
        foreign.add(number)
    return max(foreign, default=0)
