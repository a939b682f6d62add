"""Reading back who changed what."""

from __future__ import annotations

from django.db.models import Model

from cache_admin.models import AuditEntry, Tenant


def was_here(model: type[Model], *, tenant: Tenant, uid: str) -> bool:
    """Whether `tenant` has, or ever had, an object `uid` of `model` that someone changed."""
    entries = AuditEntry.objects.for_tenant(tenant)
    return entries.filter(target=model._meta.model_name, target_uid=uid).exists()
