"""What a tenant's people know about their own questions: what must never be taken for one."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from cache_admin.models.base import Editable
from cache_admin.models.tenants import Tenant
from cache_admin.querysets import TenantOwnedQuerySet

MAX_QUESTION_LENGTH = 500


class NeverMergePair(Editable):
    """Two questions that must never share an answer, in either direction.

    `digest` is of the two as calls are compared with them, whichever was written first: so a pair
    stands once. Two texts of that length would not fit into an index.
    """

    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="never_merge")
    a = models.CharField(_("question"), max_length=MAX_QUESTION_LENGTH)
    b = models.CharField(_("other question"), max_length=MAX_QUESTION_LENGTH)
    digest = models.CharField(max_length=64, editable=False)
    enabled = models.BooleanField(_("enabled"), default=True)

    objects = TenantOwnedQuerySet["NeverMergePair"].as_manager()

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(fields=["tenant", "digest"], name="never_merge_pair_once"),
            models.CheckConstraint(
                condition=~Q(a="") & ~Q(b=""), name="never_merge_pair_not_empty"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.a} ≠ {self.b}"


class Lexicon(Editable):
    """A tenant's own words for the guards: lists of groups of words, as in `LexiconConfig`."""

    tenant = models.OneToOneField(Tenant, on_delete=models.CASCADE, related_name="lexicon")
    opposites = models.JSONField(_("opposites"), default=list, blank=True)
    alike = models.JSONField(_("alike"), default=list, blank=True)
    apart = models.JSONField(_("apart"), default=list, blank=True)

    objects = TenantOwnedQuerySet["Lexicon"].as_manager()

    def __str__(self) -> str:
        return f"lexicon of {self.tenant}"
