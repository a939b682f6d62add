"""Where calls go and what they cost."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from cache_admin.models.base import Editable
from cache_admin.models.tenants import Tenant
from cache_admin.querysets import TenantOwnedQuerySet


class Provider(models.TextChoices):
    """Providers the runtime can call."""

    OPENAI = "openai", "OpenAI"


class ModelRoute(Editable):
    """Where calls that ask for `model` are sent. A trailing ``*`` matches any ending."""

    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="routes")
    model = models.CharField(_("model asked for"), max_length=120)
    provider = models.CharField(
        _("provider"), max_length=16, choices=Provider.choices, default=Provider.OPENAI
    )
    target_model = models.CharField(_("model called"), max_length=120)
    group = models.CharField(
        _("group"),
        max_length=120,
        help_text=_("Models of one group share cached answers."),
    )
    enabled = models.BooleanField(_("enabled"), default=True)

    objects = TenantOwnedQuerySet["ModelRoute"].as_manager()

    class Meta:
        ordering = ["model"]
        constraints = [
            models.UniqueConstraint(fields=["tenant", "model"], name="model_route_once"),
            models.CheckConstraint(
                condition=Q(provider__in=Provider.values), name="model_route_provider_known"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.model} → {self.target_model}"


class ModelPrice(models.Model):
    """Prices of a model from `valid_from` on, in nano-USD per million tokens."""

    model = models.CharField(_("model"), max_length=120)
    valid_from = models.DateTimeField(_("valid from"))
    input_nanousd = models.PositiveBigIntegerField(_("input"))
    output_nanousd = models.PositiveBigIntegerField(_("output"))
    cache_read_nanousd = models.PositiveBigIntegerField(_("cache read"))
    cache_write_5m_nanousd = models.PositiveBigIntegerField(_("cache write, 5 minutes"))
    cache_write_1h_nanousd = models.PositiveBigIntegerField(_("cache write, 1 hour"))
    source = models.CharField(_("source"), max_length=200)

    class Meta:
        ordering = ["model", "-valid_from"]
        constraints = [
            models.UniqueConstraint(fields=["model", "valid_from"], name="model_price_once"),
        ]

    def __str__(self) -> str:
        return f"{self.model} from {self.valid_from:%Y-%m-%d}"


class ProviderCredential(Editable):
    """A tenant's own key at a provider: a Fernet token, never shown again."""

    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="credentials")
    provider = models.CharField(_("provider"), max_length=16, choices=Provider.choices)
    base_url = models.URLField(_("base URL"), blank=True)
    secret = models.TextField(editable=False)
    hint = models.CharField(max_length=8, editable=False)

    objects = TenantOwnedQuerySet["ProviderCredential"].as_manager()

    class Meta:
        ordering = ["provider"]
        constraints = [
            models.UniqueConstraint(fields=["tenant", "provider"], name="provider_credential_once"),
            models.CheckConstraint(
                condition=Q(provider__in=Provider.values), name="provider_credential_known"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.provider} …{self.hint}"
