"""Addresses of the operators' API."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, include, path, re_path
from drf_spectacular.views import SpectacularAPIView

from cache_admin.api.errors import not_found
from cache_admin.api.views import (
    documents,
    embedding,
    faqs,
    invalidations,
    keys,
    matching,
    overview,
    policies,
    revisions,
    tenants,
    upkeep,
)

_of_a_tenant: list[URLPattern | URLResolver] = [
    path("", tenants.TenantDetail.as_view()),
    path("embedding/", embedding.EmbeddingView.as_view()),
    path("policies/", policies.PolicyList.as_view()),
    path("policies/<slug:uid>/", policies.PolicyDetail.as_view()),
    path("policies/<slug:uid>/clear/", invalidations.PolicyClear.as_view()),
    path("faqs/", faqs.FaqList.as_view()),
    path("faqs/<slug:uid>/", faqs.FaqDetail.as_view()),
    path("documents/", documents.DocumentList.as_view()),
    path("documents/<slug:uid>/", documents.DocumentDetail.as_view()),
    path("documents/<slug:uid>/versions/", documents.DocumentVersions.as_view()),
    path("documents/<slug:uid>/bump/", documents.DocumentBump.as_view()),
    path("keys/", keys.KeyList.as_view()),
    path("keys/<slug:uid>/", keys.KeyDetail.as_view()),
    path("revisions/", revisions.RevisionList.as_view()),
    path("revisions/<int:number>/", revisions.RevisionDetail.as_view()),
    path("revisions/<int:number>/rollback/", revisions.RevisionRollback.as_view()),
    path("runtimes/", revisions.RuntimeList.as_view()),
    path("never-merge/", matching.PairList.as_view()),
    path("never-merge/<slug:uid>/", matching.PairDetail.as_view()),
    path("lexicon/", matching.LexiconDetail.as_view()),
    path("event-rules/", upkeep.EventRuleList.as_view()),
    path("event-rules/<slug:uid>/", upkeep.EventRuleDetail.as_view()),
    path("event-secrets/", upkeep.EventSecretList.as_view()),
    path("event-secrets/<slug:uid>/", upkeep.EventSecretDetail.as_view()),
    path("limits/", upkeep.LimitsDetail.as_view()),
    path("clear/", invalidations.TenantClear.as_view()),
    path("invalidations/", invalidations.InvalidationList.as_view()),
    path("invalidations/<slug:uid>/", invalidations.InvalidationDetail.as_view()),
    path("overview/", overview.OverviewView.as_view()),
]

urlpatterns: list[URLPattern | URLResolver] = [
    path("schema/", SpectacularAPIView.as_view()),
    path("tenants/", tenants.TenantList.as_view()),
    path("tenants/<slug:slug>/", include(_of_a_tenant)),
    re_path(r"", not_found),
]
