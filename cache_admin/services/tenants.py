"""Tenants."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from django.utils.translation import gettext as _

from cache_admin.errors import Conflict, InvalidInput
from cache_admin.models import Role, Tenant
from cache_admin.services.actor import Actor
from cache_admin.services.embedding import checked_model
from cache_admin.services.members import set_member
from cache_admin.services.policies import READY_POLICIES, create_policy
from cache_admin.services.publishing import change
from cache_admin.services.validation import current, validated

if TYPE_CHECKING:
    from django.contrib.auth.models import User

_SLUG = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")


def create_tenant(
    *, actor: Actor, slug: str, name: str, language: str = "en", owner: User | None = None
) -> Tenant:
    """A new tenant with the five ready policies, and `owner` as its first member.

    Raises InvalidInput, or Conflict when the slug is taken.
    """
    if not _SLUG.fullmatch(slug):
        message = _("Use lower-case letters, digits, hyphens and underscores.")
        raise InvalidInput(message, fields={"slug": message})
    tenant = Tenant(slug=slug, name=name.strip(), language=language)
    with change(actor=actor, tenant=tenant) as journal:
        if Tenant.objects.filter(slug=slug).exists():
            message = _("Another tenant has the short name “%(slug)s”.") % {"slug": slug}
            raise Conflict(message, fields={"slug": message})
        validated(tenant).save()
        journal.record("tenant.created", target=tenant, after={"slug": slug, "name": tenant.name})
        for spec in READY_POLICIES:
            create_policy(tenant=tenant, actor=actor, spec=spec)
        if owner is not None:
            set_member(tenant=tenant, actor=actor, user=owner, role=Role.OWNER.value)
    return tenant


def update_tenant(
    *,
    tenant: Tenant,
    actor: Actor,
    name: str,
    language: str,
    enabled: bool,
    expected_version: int | None,
    embedding_model: str | None = None,
) -> Tenant:
    """Edit a tenant; the row as saved is returned. Its slug never changes, and without
    `embedding_model` that stays as well.

    Raises StaleEdit when `expected_version` is given and is no longer the current one, or
    InvalidInput. Saving the same values changes nothing.
    """
    with change(actor=actor, tenant=tenant) as journal:
        row = current(tenant, expected_version=expected_version)
        before = _settings(row)
        row.name, row.language, row.enabled = name.strip(), language, enabled
        if embedding_model is not None:
            row.embedding_model = checked_model(embedding_model, actor=actor, tenant=row)
        after = _settings(row)
        if before == after:
            return row
        row.version += 1
        validated(row).save()
        journal.record("tenant.updated", target=row, before=before, after=after)
    return row


def _settings(tenant: Tenant) -> dict[str, object]:
    return {
        "name": tenant.name,
        "language": tenant.language,
        "enabled": tenant.enabled,
        "embedding_model": tenant.embedding_model,
    }
