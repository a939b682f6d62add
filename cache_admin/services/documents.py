"""Source texts and their versions."""

from __future__ import annotations

import re

from django.db.models import Max
from django.utils.translation import gettext as _

from cache_admin.errors import Conflict, InvalidInput
from cache_admin.models import Document, DocumentVersion, Tenant
from cache_admin.selectors.documents import entries_resting_on
from cache_admin.services.actor import Actor
from cache_admin.services.publishing import change
from cache_admin.services.validation import current, validated

_SLUG = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")


def create_document(*, tenant: Tenant, actor: Actor, slug: str, title: str) -> Document:
    """A new document at version 1. Raises InvalidInput, or Conflict when the slug is taken."""
    if not _SLUG.fullmatch(slug):
        message = _("Use lower-case letters, digits, hyphens and underscores.")
        raise InvalidInput(message, fields={"slug": message})
    with change(actor=actor, tenant=tenant) as journal:
        if Document.objects.for_tenant(tenant).filter(slug=slug).exists():
            message = _("Another document has the short name “%(slug)s”.") % {"slug": slug}
            raise Conflict(message, fields={"slug": message})
        document = validated(Document(tenant=tenant, slug=slug, title=title.strip()))
        document.save()
        DocumentVersion.objects.create(document=document, number=1, created_by=actor.user)
        journal.record("document.created", target=document, after={"slug": slug, "title": title})
    return document


def update_document(
    *, document: Document, actor: Actor, title: str, expected_version: int | None
) -> Document:
    """Rename `document`; the row as saved is returned. Raises InvalidInput or StaleEdit.

    `expected_version` is the version of the edit, not of the text.
    """
    with change(actor=actor, tenant=document.tenant) as journal:
        row = current(document, expected_version=expected_version)
        before = {"title": row.title}
        if row.title == title.strip():
            return row
        row.title = title.strip()
        row.version += 1
        validated(row).save()
        journal.record("document.updated", target=row, before=before, after={"title": row.title})
    return row


def bump_document(*, document: Document, actor: Actor, note: str = "") -> DocumentVersion:
    """Put a new version of the text in force: every answer resting on the old is unreachable.

    The number is above every number the document ever had, so that no version ever stands for two
    contents. `retired_entries` is counted once the new version is in force; None when Redis did not
    answer.
    """
    with change(actor=actor, tenant=document.tenant, note=note) as journal:
        row = current(document, expected_version=None)
        highest = row.versions.aggregate(highest=Max("number"))["highest"] or 0
        before = row.current_version
        row.current_version = max(highest, before) + 1
        row.version += 1
        validated(row).save()
        version = validated(
            DocumentVersion(
                document=row, number=row.current_version, note=note, created_by=actor.user
            )
        )
        version.save()
        journal.record(
            "document.bumped",
            target=row,
            before={"version": before},
            after={"version": version.number, "note": note},
        )
    version.retired_entries = entries_resting_on(row, version=before)
    if version.retired_entries is not None:
        version.save(update_fields=["retired_entries"])
    return version
