"""Publishing, rolling back and pruning revisions."""

from __future__ import annotations

import logging

import redis
from django.db import transaction
from django.utils.translation import gettext as _

from cache_admin.errors import InvalidInput, NotAllowed
from cache_admin.models import Revision, Tenant
from cache_admin.services.actor import Actor
from cache_admin.services.publishing import Journal, publish_if_changed, publish_rows
from cache_admin.services.push import pushed_number
from cache_admin.services.restoring import restore_snapshot
from cache_admin.services.turns import take_turn
from routing.errors import SnapshotSchemaError
from routing.snapshot import Snapshot, decode_snapshot

logger = logging.getLogger(__name__)

_BODIES_KEPT = 200


def publish(*, actor: Actor, tenant: Tenant | None = None, note: str = "") -> Revision:
    """Publish the configuration as it stands; the current revision when nothing has changed.

    Goes past a revision that Redis holds and this database does not know, as after restoring the
    database from a backup: only so can its revisions get through again.
    """
    above = _foreign_number()
    with transaction.atomic():
        take_turn("publish")
        journal = Journal(actor, tenant)
        if above:
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


def _foreign_number() -> int:
    """The number that Redis holds as current when it is not one of ours, else 0."""
    try:
        number = pushed_number()
    except redis.RedisError as error:
        logger.warning("revision.pointer_unknown reason=%s", error)
        return 0
    latest = Revision.objects.order_by("-number").values_list("number", flat=True).first() or 0
    return number if number > latest else 0
