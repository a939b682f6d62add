"""Removing stored answers by hand: asked for here, carried out by a worker.

What is asked for is in force at once where a key changes with it (policy, tenant, document), and as
soon as a worker comes to it elsewhere. Removals are carried out one at a time, oldest first.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from django.db import transaction
from django.utils.translation import gettext as _

from cache_admin.errors import InvalidInput
from cache_admin.models import Document, Invalidation, InvalidationKind, Policy, Tenant
from cache_admin.queue import enqueue
from cache_admin.services.actor import Actor
from cache_admin.services.documents import bump_document
from cache_admin.services.publishing import Journal, change
from cache_admin.services.validation import current, validated
from routing.redis_names import user_digest

RUN_TASK = "cache_admin.run_invalidation"
MAX_TAG_LENGTH = 128
MAX_USER_LENGTH = 256
# Controls that the runtimes refuse in a tag or a user, and halves of surrogate pairs.
_NEVER_SENT = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")
_ENTRY = re.compile(r"[A-Za-z0-9_-]{1,64}\.[A-Za-z0-9_-]{1,64}")


@dataclass(frozen=True, slots=True)
class InvalidationSpec:
    """What is to go.

    `target` is an entry as ``x-cache-entry`` names it, a tag, a user, the name of a policy or the
    short name of a document; empty for the tenant.
    """

    kind: str
    target: str = ""
    note: str = ""


def check_invalidation(*, tenant: Tenant, spec: InvalidationSpec) -> None:
    """Raise InvalidInput when `spec` makes no sense or names what there is not."""
    if spec.kind not in InvalidationKind.values:
        message = _("This cannot be removed.")
        raise InvalidInput(message, fields={"kind": message})
    if fault := _target_fault(tenant, InvalidationKind(spec.kind), target_of(spec)):
        raise InvalidInput(fault, fields={"target": fault})


def target_of(spec: InvalidationSpec) -> str:
    """What `spec` names. A tag and a user stay as written: blanks are part of an app's names."""
    exact = spec.kind in (InvalidationKind.TAG, InvalidationKind.USER)
    return spec.target if exact else spec.target.strip()


def request_invalidation(*, tenant: Tenant, actor: Actor, spec: InvalidationSpec) -> Invalidation:
    """Ask for what `spec` says. Raises InvalidInput as `check_invalidation` does."""
    check_invalidation(tenant=tenant, spec=spec)
    kind, target = InvalidationKind(spec.kind), target_of(spec)
    if kind is InvalidationKind.TENANT:
        return clear_tenant(tenant=tenant, actor=actor, note=spec.note)
    if kind is InvalidationKind.POLICY:
        policy = Policy.objects.for_tenant(tenant).get(name=target)
        return clear_policy(policy=policy, actor=actor, note=spec.note)
    if kind is InvalidationKind.DOCUMENT:
        document = Document.objects.for_tenant(tenant).get(slug=target)
        return _bump(document, actor, note=spec.note)
    is_user = kind is InvalidationKind.USER
    with transaction.atomic():
        return _create(
            Journal(actor, tenant),
            kind=kind,
            target=user_digest(target) if is_user else target,
            subject=target if is_user else "",
            note=spec.note,
        )


def clear_policy(*, policy: Policy, actor: Actor, note: str = "") -> Invalidation:
    """Make every answer stored under `policy` unreachable, and have them removed."""
    with change(actor=actor, tenant=policy.tenant, note=note) as journal:
        row = current(policy, expected_version=None)
        before = row.generation
        row.generation += 1
        row.version += 1
        validated(row).save()
        journal.record(
            "policy.cleared",
            target=row,
            before={"generation": before},
            after={"generation": row.generation},
        )
        return _create(
            journal, kind=InvalidationKind.POLICY, target=row.name, subject=row.uid, note=note
        )


def clear_tenant(*, tenant: Tenant, actor: Actor, note: str = "") -> Invalidation:
    """Make every answer of `tenant` unreachable, and have them removed."""
    with change(actor=actor, tenant=tenant, note=note) as journal:
        row = current(tenant, expected_version=None)
        before = row.generation
        row.generation += 1
        row.version += 1
        validated(row).save()
        journal.record(
            "tenant.cleared",
            target=row,
            before={"generation": before},
            after={"generation": row.generation},
        )
        return _create(journal, kind=InvalidationKind.TENANT, target=row.slug, note=note)


def _bump(document: Document, actor: Actor, *, note: str) -> Invalidation:
    with change(actor=actor, tenant=document.tenant, note=note) as journal:
        version = bump_document(document=document, actor=actor, note=note)
        before = version.number - 1
        return _create(
            journal,
            kind=InvalidationKind.DOCUMENT,
            target=document.slug,
            subject=str(before),
            note=note,
        )


def _create(
    journal: Journal, *, kind: InvalidationKind, target: str, subject: str = "", note: str = ""
) -> Invalidation:
    row = Invalidation(
        tenant=journal.tenant,
        kind=kind.value,
        target=target,
        subject=subject,
        note=note.strip(),
        requested_by=journal.actor.user,
        requested_label=journal.actor.label,
    )
    validated(row).save()
    journal.record(
        "invalidation.requested", target=row, after={"kind": kind.value, "target": target}
    )
    enqueue(RUN_TASK, row.pk)
    return row


def _target_fault(tenant: Tenant, kind: InvalidationKind, target: str) -> str:
    """What is wrong with the name of what is to go; empty when nothing is."""
    if kind is InvalidationKind.TENANT:
        return ""
    if not target:
        return _("Say which.")
    if _NEVER_SENT.search(target):
        return _("This holds characters that cannot be kept.")
    match kind:
        case InvalidationKind.POLICY:
            known = Policy.objects.for_tenant(tenant).filter(name=target).exists()
            return "" if known else _("There is no policy “%(name)s”.") % {"name": target}
        case InvalidationKind.DOCUMENT:
            known = Document.objects.for_tenant(tenant).filter(slug=target).exists()
            return "" if known else _("There is no document “%(slug)s”.") % {"slug": target}
        case InvalidationKind.ENTRY:
            return _entry_fault(target)
        case InvalidationKind.TAG:
            return _length_fault(target, limit=MAX_TAG_LENGTH)
        case InvalidationKind.USER:
            return _length_fault(target, limit=MAX_USER_LENGTH)


def _entry_fault(target: str) -> str:
    if target.startswith("faq."):
        return _("This answer is an FAQ. Change it or switch it off there.")
    if not _ENTRY.fullmatch(target):
        return _("Copy the entry from x-cache-entry: two parts with a dot between.")
    return ""


def _length_fault(target: str, *, limit: int) -> str:
    if len(target) <= limit:
        return ""
    return _("Keep each under %(limit)d characters.") % {"limit": limit + 1}
