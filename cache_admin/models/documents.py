"""Source texts that answers rest on, and their versions."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from cache_admin.models.base import Editable
from cache_admin.models.tenants import Tenant
from cache_admin.querysets import TenantOwnedQuerySet


class Document(Editable):
    """A source text. Raising `current_version` makes every answer that rests on it unreachable."""

    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="documents")
    slug = models.SlugField(_("short name"), max_length=64)
    title = models.CharField(_("title"), max_length=200)
    current_version = models.PositiveIntegerField(_("version"), default=1)

    objects = TenantOwnedQuerySet["Document"].as_manager()

    class Meta:
        ordering = ["slug"]
        constraints = [
            models.UniqueConstraint(fields=["tenant", "slug"], name="document_slug_once"),
            models.CheckConstraint(
                condition=Q(current_version__gte=1), name="document_version_positive"
            ),
        ]

    def __str__(self) -> str:
        return self.title


class DocumentVersion(models.Model):
    """One version of a document: who published it, why, and how many entries that retired."""

    document = models.ForeignKey(Document, on_delete=models.CASCADE, related_name="versions")
    number = models.PositiveIntegerField(_("version"))
    note = models.CharField(_("note"), max_length=500, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    retired_entries = models.PositiveBigIntegerField(null=True, blank=True)

    class Meta:
        ordering = ["-number"]
        constraints = [
            models.UniqueConstraint(fields=["document", "number"], name="document_version_once"),
            models.CheckConstraint(
                condition=Q(number__gte=1), name="document_version_number_positive"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.document} v{self.number}"
