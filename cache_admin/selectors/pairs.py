"""Finding pairs of questions that never merge."""

from __future__ import annotations

from django.db.models import Q

from cache_admin.models import NeverMergePair, Tenant
from cache_admin.querysets import TenantOwnedQuerySet


def pairs_found(*, tenant: Tenant, text: str = "") -> TenantOwnedQuerySet[NeverMergePair]:
    """The pairs of which either question holds `text`, oldest first; all for an empty one."""
    rows = NeverMergePair.objects.for_tenant(tenant).order_by("pk")
    wanted = text.replace("\0", "").strip()
    return rows.filter(Q(a__icontains=wanted) | Q(b__icontains=wanted)) if wanted else rows
