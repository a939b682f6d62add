"""Tenants, the people who work in them and the keys of their apps."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from cache_admin.models.base import Editable, new_uid
from cache_admin.querysets import TenantOwnedQuerySet, TenantQuerySet

if TYPE_CHECKING:
    from datetime import datetime


class Tenant(Editable):
    """A customer of the gateway. Nothing of one tenant is ever visible to another.

    Raising `generation` makes every answer the tenant has unreachable. `embedding_model`: empty for
    the runtimes' own.
    """

    slug = models.SlugField(_("short name"), max_length=64, unique=True)
    name = models.CharField(_("name"), max_length=120)
    language = models.CharField(_("main language"), max_length=2, default="en")
    enabled = models.BooleanField(_("enabled"), default=True)
    generation = models.PositiveIntegerField(default=1, editable=False)
    embedding_model = models.CharField(_("embedding model"), max_length=200, blank=True)

    objects = TenantQuerySet.as_manager()

    class Meta:
        ordering = ["slug"]
        constraints = [
            models.CheckConstraint(
                condition=Q(slug__regex=r"^[a-z0-9][a-z0-9_-]*$"), name="tenant_slug_form"
            ),
            models.CheckConstraint(
                condition=Q(language__regex=r"^[a-z]{2}$"), name="tenant_language_form"
            ),
            models.CheckConstraint(
                condition=Q(generation__gte=1), name="tenant_generation_positive"
            ),
        ]

    def __str__(self) -> str:
        return self.name


class Role(models.TextChoices):
    """What a member may do; each role may do what the ones before it may."""

    VIEWER = "viewer", _("viewer: sees everything")
    CURATOR = "curator", _("curator: edits FAQ answers, pairs and the lexicon")
    OPERATOR = (
        "operator",
        _("operator: edits policies, documents, events, limits and keys, removes, rolls back"),
    )
    OWNER = "owner", _("owner: edits the tenant's settings")


class Membership(models.Model):
    """A person's place in a tenant."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="memberships"
    )
    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=10, choices=Role.choices)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user", "tenant"], name="membership_once"),
            models.CheckConstraint(condition=Q(role__in=Role.values), name="membership_role_known"),
        ]

    def __str__(self) -> str:
        return f"{self.user} in {self.tenant}: {self.role}"


class KeyScope(models.TextChoices):
    """What a key opens: the app-facing endpoints, or the management API."""

    CALL = "call", _("app calls")
    READ = "read", _("management API, reading")
    WRITE = "write", _("management API, reading and writing")


class ApiKey(models.Model):
    """A key of a tenant. Its text is shown once; only the SHA-256 of it is kept."""

    uid = models.CharField(max_length=16, unique=True, editable=False, default=new_uid)
    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="api_keys")
    name = models.CharField(_("name"), max_length=120)
    prefix = models.CharField(max_length=16, editable=False)
    digest = models.CharField(max_length=64, unique=True, editable=False)
    scopes = models.JSONField(_("scopes"), default=list)
    created_at = models.DateTimeField(auto_now_add=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    expires_at = models.DateTimeField(_("expires"), null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True, editable=False)

    objects = TenantOwnedQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at"]
        constraints = [
            models.CheckConstraint(
                condition=Q(digest__regex=r"^[0-9a-f]{64}$"), name="api_key_digest_form"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"

    def is_active(self, *, now: datetime) -> bool:
        """Whether the key still opens anything at `now`."""
        return self.revoked_at is None and (self.expires_at is None or self.expires_at > now)
