"""Who changed what."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from cache_admin.models.tenants import Tenant
from cache_admin.querysets import TenantOwnedQuerySet


class AuditEntry(models.Model):
    """One change, written in the transaction that made it.

    `actor_label` outlives the account; `changes` is ``{field: [before, after]}`` without secrets.
    """

    at = models.DateTimeField(auto_now_add=True)
    tenant = models.ForeignKey(
        Tenant, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    actor_label = models.CharField(max_length=150)
    action = models.CharField(max_length=60)
    target = models.CharField(max_length=60)
    target_uid = models.CharField(max_length=64)
    changes = models.JSONField(default=dict)

    objects = TenantOwnedQuerySet["AuditEntry"].as_manager()

    class Meta:
        ordering = ["-at", "-pk"]
        indexes = [models.Index(fields=["tenant", "-at"], name="audit_entry_tenant_at")]

    def __str__(self) -> str:
        return f"{self.action} {self.target} {self.target_uid}"
