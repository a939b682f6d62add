"""Caching policies: how one kind of call is answered from the cache."""

from __future__ import annotations

from decimal import Decimal

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from cache_admin.models.base import Editable
from cache_admin.models.documents import Document
from cache_admin.models.tenants import Tenant
from cache_admin.querysets import TenantOwnedQuerySet

_UNIT_INTERVAL = [MinValueValidator(Decimal(0)), MaxValueValidator(Decimal(1))]
MAX_TURNS = 50
MAX_JITTER = Decimal("0.5")


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


class ConversationChoice(models.TextChoices):
    """What earlier turns of a conversation do to the key."""

    NONE = "none", _("nothing: only the last question counts")
    FINGERPRINT = "fingerprint", _("all earlier turns must be equal")
    LAST_TURNS = "last_turns", _("the last few turns must be equal")


class PersonalDataChoice(models.TextChoices):
    """What becomes of answers with e-mail addresses, phone or card numbers."""

    KEEP = "keep", _("stored like any other")
    USER_SCOPE_ONLY = "user_scope_only", _("stored only where answers stay with one user")
    REFUSE = "refuse", _("never stored")


class VolatileChoice(models.TextChoices):
    """What becomes of questions about now, or about one user's own state."""

    IGNORE = "ignore", _("treated like any other")
    ROUTE = "route", _("left to the policy of the right content class")
    REFUSE = "refuse", _("never cached")


class Policy(Editable):
    """Threshold, lifetime and scope for the calls that the match rule covers.

    What the fields mean is said at `routing.snapshot.PolicyConfig`, its `ContextRule` and its
    `StoreRule`, whose fields stand here as `context_...` and `store_...`.
    """

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
        default=Decimal("0.05"),
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
    generation = models.PositiveIntegerField(default=1, editable=False)
    disabled_guards = models.JSONField(_("guards switched off"), default=list, blank=True)
    faqs = models.BooleanField(_("FAQs first"), default=True)
    learned = models.JSONField(null=True, blank=True, editable=False)

    context_system_prompt = models.BooleanField(_("system prompt"), default=True)
    context_tools = models.BooleanField(_("tools"), default=True)
    context_response_format = models.BooleanField(_("response format"), default=True)
    context_attachments = models.BooleanField(_("attachments"), default=True)
    context_parameters = models.BooleanField(_("parameters"), default=True)
    context_conversation = models.CharField(
        _("conversation"),
        max_length=12,
        choices=ConversationChoice.choices,
        default=ConversationChoice.FINGERPRINT,
    )
    context_last_turns = models.PositiveSmallIntegerField(
        _("turns that count"),
        default=2,
        validators=[MinValueValidator(1), MaxValueValidator(MAX_TURNS)],
    )
    context_language = models.BooleanField(_("language"), default=True)

    store_tool_calls = models.BooleanField(_("tool calls"), default=False)
    store_refusals = models.BooleanField(_("refusals"), default=False)
    store_valid_json = models.BooleanField(_("valid JSON only"), default=True)
    store_min_chars = models.PositiveIntegerField(_("shortest answer"), default=1)
    store_max_chars = models.PositiveIntegerField(
        _("longest answer"), default=100_000, validators=[MinValueValidator(1)]
    )
    store_personal_data = models.CharField(
        _("personal data"),
        max_length=16,
        choices=PersonalDataChoice.choices,
        default=PersonalDataChoice.USER_SCOPE_ONLY,
    )
    store_volatile = models.CharField(
        _("volatile questions"),
        max_length=8,
        choices=VolatileChoice.choices,
        default=VolatileChoice.ROUTE,
    )
    store_finish_abandoned = models.BooleanField(_("finish abandoned streams"), default=False)

    jitter = models.DecimalField(
        _("jitter"),
        max_digits=5,
        decimal_places=4,
        default=Decimal(0),
        validators=[MinValueValidator(Decimal(0)), MaxValueValidator(MAX_JITTER)],
    )
    stale_seconds = models.PositiveIntegerField(_("stale while renewing"), default=0)
    stale_if_error_seconds = models.PositiveIntegerField(_("stale on errors"), default=0)
    single_flight = models.BooleanField(_("single flight"), default=True)

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
            models.CheckConstraint(
                condition=Q(generation__gte=1), name="policy_generation_positive"
            ),
            models.CheckConstraint(
                condition=Q(context_conversation__in=ConversationChoice.values),
                name="policy_conversation_known",
            ),
            models.CheckConstraint(
                condition=Q(context_last_turns__gte=1, context_last_turns__lte=MAX_TURNS),
                name="policy_last_turns_range",
            ),
            models.CheckConstraint(
                condition=Q(store_max_chars__gte=1, store_min_chars__lte=F("store_max_chars")),
                name="policy_store_chars_range",
                violation_error_message=_("The shortest answer is longer than the longest."),
            ),
            models.CheckConstraint(
                condition=Q(store_personal_data__in=PersonalDataChoice.values),
                name="policy_personal_data_known",
            ),
            models.CheckConstraint(
                condition=Q(store_volatile__in=VolatileChoice.values), name="policy_volatile_known"
            ),
            models.CheckConstraint(
                condition=Q(jitter__gte=0, jitter__lte=MAX_JITTER), name="policy_jitter_range"
            ),
        ]

    def __str__(self) -> str:
        return self.name
