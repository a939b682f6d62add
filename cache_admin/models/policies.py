"""Caching policies: how one kind of call is answered from the cache."""

from __future__ import annotations

from decimal import Decimal

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from cache_admin.models.base import Editable
from cache_admin.models.documents import Document
from cache_admin.models.tenants import Tenant
from cache_admin.querysets import TenantOwnedQuerySet

_UNIT_INTERVAL = [MinValueValidator(Decimal(0)), MaxValueValidator(Decimal(1))]


class ContentClassChoice(models.TextChoices):
    """How quickly answers of this kind go stale."""

    REAL_TIME = "real_time", _("real-time")
    USER_SPECIFIC = "user_specific", _("user-specific")
    FREQUENT_FAQ = "frequent_faq", _("frequent FAQ")
    STATIC_DOCS = "static_docs", _("static docs")
    ARCHIVAL = "archival", _("archival")


class ScopeChoice(models.TextChoices):
    """Who may be served an answer."""

    TENANT = "tenant", _("everyone in the tenant")
    USER = "user", _("only the same user")


class Policy(Editable):
    """Threshold, lifetime and scope for the calls that the match rule covers."""

    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="policies")
    name = models.SlugField(_("name"), max_length=64)
    content_class = models.CharField(
        _("content class"), max_length=16, choices=ContentClassChoice.choices
    )
    min_similarity = models.DecimalField(
        _("minimum similarity"),
        max_digits=5,
        decimal_places=4,
        default=Decimal("0.79"),
        validators=_UNIT_INTERVAL,
    )
    min_margin = models.DecimalField(
        _("minimum margin"),
        max_digits=5,
        decimal_places=4,
        default=Decimal(0),
        validators=_UNIT_INTERVAL,
    )
    ttl_seconds = models.PositiveIntegerField(
        _("time to live"), default=3600, validators=[MinValueValidator(1)]
    )
    scope = models.CharField(
        _("scope"), max_length=8, choices=ScopeChoice.choices, default=ScopeChoice.TENANT
    )
    match_endpoints = models.JSONField(_("endpoints"), default=list, blank=True)
    match_tags = models.JSONField(_("tags"), default=list, blank=True)
    match_models = models.JSONField(_("models"), default=list, blank=True)
    priority = models.IntegerField(_("priority"), default=0)
    documents = models.ManyToManyField(Document, blank=True, related_name="policies")
    enabled = models.BooleanField(_("enabled"), default=True)

    objects = TenantOwnedQuerySet["Policy"].as_manager()

    class Meta:
        ordering = ["-priority", "name"]
        verbose_name_plural = "policies"
        constraints = [
            models.UniqueConstraint(fields=["tenant", "name"], name="policy_name_once"),
            models.CheckConstraint(
                condition=Q(min_similarity__gte=0, min_similarity__lte=1),
                name="policy_min_similarity_range",
            ),
            models.CheckConstraint(
                condition=Q(min_margin__gte=0, min_margin__lte=1), name="policy_min_margin_range"
            ),
            models.CheckConstraint(condition=Q(ttl_seconds__gte=1), name="policy_ttl_positive"),
            models.CheckConstraint(
                condition=Q(content_class__in=ContentClassChoice.values),
                name="policy_content_class_known",
            ),
            models.CheckConstraint(
                condition=Q(scope__in=ScopeChoice.values), name="policy_scope_known"
            ),
        ]

    def __str__(self) -> str:
        return self.name
