"""Curated answers and every phrasing they are served for."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from cache_admin.models.base import Editable
from cache_admin.models.tenants import Tenant
from cache_admin.querysets import TenantOwnedQuerySet

MAX_NORMALIZED_LENGTH = 600


class Faq(Editable):
    """A question and the answer a person wrote for it."""

    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="faqs")
    language = models.CharField(_("language"), max_length=2, default="en")
    question = models.CharField(_("question"), max_length=500)
    answer = models.TextField(_("answer"))
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="owned_faqs",
        verbose_name=_("owner"),
    )
    review_on = models.DateField(_("review date"), null=True, blank=True)
    enabled = models.BooleanField(_("enabled"), default=True)

    objects = TenantOwnedQuerySet["Faq"].as_manager()

    class Meta:
        ordering = ["question"]
        verbose_name = "FAQ"
        constraints = [
            models.CheckConstraint(condition=~Q(answer=""), name="faq_answer_not_empty"),
            models.CheckConstraint(
                condition=Q(language__regex=r"^[a-z]{2}$"), name="faq_language_form"
            ),
        ]

    def __str__(self) -> str:
        return self.question


class FaqPhrase(models.Model):
    """A phrasing that an FAQ answers: its question (position 0) and its aliases.

    `normalized` is what a call is compared with. Among the enabled FAQs of a tenant and language it
    stands once, so no question can have two answers; `enabled` is the FAQ's own, kept here too
    because a constraint sees one table.
    """

    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="+")
    faq = models.ForeignKey(Faq, on_delete=models.CASCADE, related_name="phrases")
    language = models.CharField(max_length=2)
    position = models.PositiveSmallIntegerField()
    text = models.CharField(max_length=500)
    normalized = models.CharField(max_length=MAX_NORMALIZED_LENGTH)
    enabled = models.BooleanField(default=True)

    class Meta:
        ordering = ["position"]
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "language", "normalized"],
                condition=Q(enabled=True),
                name="faq_phrase_once",
            ),
            models.UniqueConstraint(fields=["faq", "position"], name="faq_phrase_position_once"),
            models.CheckConstraint(condition=~Q(normalized=""), name="faq_phrase_not_empty"),
        ]

    def __str__(self) -> str:
        return self.text
