"""What decides which stored answers go: events, limits, and what people ask for."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from cache_admin.models.base import Editable, new_uid
from cache_admin.models.tenants import Tenant
from cache_admin.querysets import TenantOwnedQuerySet


class EventRule(Editable):
    """Which entries an event drops: those with the tag that `tag` makes of the event."""

    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="event_rules")
    event = models.CharField(_("event"), max_length=120)
    tag = models.CharField(_("tag"), max_length=120)
    enabled = models.BooleanField(_("enabled"), default=True)

    objects = TenantOwnedQuerySet["EventRule"].as_manager()

    class Meta:
        ordering = ["event", "tag"]
        constraints = [
            models.UniqueConstraint(fields=["tenant", "event", "tag"], name="event_rule_once"),
            models.CheckConstraint(
                condition=~Q(event="") & ~Q(tag=""), name="event_rule_not_empty"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.event} → {self.tag}"


class EventSecret(models.Model):
    """What signs a tenant's events: a Fernet token, its text shown once."""

    uid = models.CharField(max_length=16, unique=True, editable=False, default=new_uid)
    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="event_secrets")
    secret = models.TextField(editable=False)
    hint = models.CharField(max_length=8, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )

    objects = TenantOwnedQuerySet["EventSecret"].as_manager()

    class Meta:
        ordering = ["pk"]

    def __str__(self) -> str:
        return f"…{self.hint}"


class EvictionChoice(models.TextChoices):
    """Which entries go first when there are too many."""

    LRU = "lru", _("those served longest ago")
    LFU = "lfu", _("those served least often")


class TenantLimits(Editable):
    """How much a tenant may keep; 0 = no limit of its own."""

    tenant = models.OneToOneField(Tenant, on_delete=models.CASCADE, related_name="limits")
    max_entries = models.PositiveBigIntegerField(_("most entries"), default=0)
    max_bytes = models.PositiveBigIntegerField(_("most memory"), default=0)
    eviction = models.CharField(
        _("what goes first"),
        max_length=4,
        choices=EvictionChoice.choices,
        default=EvictionChoice.LRU,
    )

    objects = TenantOwnedQuerySet["TenantLimits"].as_manager()

    class Meta:
        verbose_name_plural = "tenant limits"
        constraints = [
            models.CheckConstraint(
                condition=Q(eviction__in=EvictionChoice.values), name="tenant_limits_eviction_known"
            ),
        ]

    def __str__(self) -> str:
        return f"limits of {self.tenant}"


class InvalidationKind(models.TextChoices):
    """What is removed."""

    ENTRY = "entry", _("one entry")
    TAG = "tag", _("everything with a tag")
    USER = "user", _("everything of a user")
    POLICY = "policy", _("everything of a policy")
    TENANT = "tenant", _("everything of the tenant")
    DOCUMENT = "document", _("everything that rests on a document")


class InvalidationState(models.TextChoices):
    """How far it is."""

    PENDING = "pending", _("waiting")
    RUNNING = "running", _("running")
    DONE = "done", _("done")
    FAILED = "failed", _("failed")


class Invalidation(models.Model):
    """A removal that someone asked for, and its receipt.

    `target` is what people see of what is removed: an id, a tag, a name; of a user a digest.
    `subject` is what the removal needs besides: a user's plain name, kept only until it is over, a
    policy's uid, a document's version. While it runs, `heard_at` says when it was last heard of,
    and once `is_verifying`, progress counts the entries looked through. The figures are None until
    it is over: entries and index keys removed, events whose user was blanked, what a second look at
    the data still found, and how long it took.
    """

    uid = models.CharField(max_length=16, unique=True, editable=False, default=new_uid)
    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="invalidations")
    kind = models.CharField(_("what"), max_length=8, choices=InvalidationKind.choices)
    target = models.CharField(_("which"), max_length=200)
    subject = models.CharField(max_length=256, blank=True, editable=False)
    note = models.CharField(_("note"), max_length=500, blank=True)
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    requested_label = models.CharField(max_length=150, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True, blank=True)
    heard_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    state = models.CharField(
        max_length=8, choices=InvalidationState.choices, default=InvalidationState.PENDING
    )
    progress_done = models.PositiveBigIntegerField(default=0)
    progress_total = models.PositiveBigIntegerField(null=True, blank=True)
    is_verifying = models.BooleanField(default=False)
    removed_entries = models.PositiveBigIntegerField(null=True, blank=True)
    removed_index_keys = models.PositiveBigIntegerField(null=True, blank=True)
    blanked_events = models.PositiveBigIntegerField(null=True, blank=True)
    residual_keys = models.PositiveBigIntegerField(null=True, blank=True)
    duration_ms = models.PositiveBigIntegerField(null=True, blank=True)
    error = models.CharField(max_length=500, blank=True)

    objects = TenantOwnedQuerySet["Invalidation"].as_manager()

    class Meta:
        ordering = ["-pk"]
        indexes = [models.Index(fields=["tenant", "-id"], name="invalidation_tenant_newest")]
        constraints = [
            models.CheckConstraint(
                condition=Q(kind__in=InvalidationKind.values), name="invalidation_kind_known"
            ),
            models.CheckConstraint(
                condition=Q(state__in=InvalidationState.values), name="invalidation_state_known"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.target}"
