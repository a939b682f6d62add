"""Finding curated answers."""

from __future__ import annotations

from django.db.models import Count, Exists, OuterRef, Q, QuerySet

from cache_admin.models import Faq, FaqPhrase, Tenant


def faqs_found(
    *, tenant: Tenant, text: str = "", language: str = "", enabled: bool | None = None
) -> QuerySet[Faq]:
    """FAQs of `tenant` whose question, aliases or answer contain `text`, by question.

    Each row carries `phrase_count`: in how many phrasings it is answered.
    """
    found = Faq.objects.for_tenant(tenant).select_related("owner")
    if text:
        phrased = FaqPhrase.objects.filter(faq=OuterRef("pk"), text__icontains=text)
        found = found.filter(Q(answer__icontains=text) | Exists(phrased))
    if language:
        found = found.filter(language=language)
    if enabled is not None:
        found = found.filter(enabled=enabled)
    return found.annotate(phrase_count=Count("phrases")).order_by("question", "pk")


def faq_languages(tenant: Tenant) -> tuple[str, ...]:
    """The languages that `tenant` has FAQs in."""
    used = Faq.objects.for_tenant(tenant).order_by("language").values_list("language", flat=True)
    return tuple(used.distinct())
