"""Every page of the console, listed by object."""

from __future__ import annotations

from django.contrib.auth.views import LogoutView
from django.urls import URLPattern, URLResolver, include, path
from django.views.i18n import set_language

from cache_admin.console.views import (
    documents,
    events,
    faqs,
    invalidations,
    keys,
    matching,
    overview,
    policies,
    revisions,
    session,
    tenants,
)

_policies = [
    path("", policies.policies, name="policies"),
    path("new/", policies.policy_new, name="policy_new"),
    path("<str:uid>/", policies.policy_edit, name="policy"),
    path("<str:uid>/delete/", policies.policy_delete, name="policy_delete"),
    path("<str:uid>/forget/", policies.policy_forget, name="policy_forget"),
    path("<str:uid>/clear/", invalidations.policy_clear, name="policy_clear"),
]

_faqs = [
    path("", faqs.faqs, name="faqs"),
    path("new/", faqs.faq_new, name="faq_new"),
    path("<str:uid>/", faqs.faq_edit, name="faq"),
    path("<str:uid>/delete/", faqs.faq_delete, name="faq_delete"),
]

_documents = [
    path("", documents.documents, name="documents"),
    path("new/", documents.document_new, name="document_new"),
    path("<str:uid>/", documents.document, name="document"),
    path("<str:uid>/bump/", documents.document_bump, name="document_bump"),
]

_matching = [
    path("", matching.pairs, name="matching"),
    path("new/", matching.pair_new, name="pair_new"),
    path("lexicon/", matching.lexicon, name="lexicon"),
    path("<str:uid>/", matching.pair_edit, name="pair"),
    path("<str:uid>/delete/", matching.pair_delete, name="pair_delete"),
]

_invalidations = [
    path("", invalidations.invalidations, name="invalidations"),
    path("new/", invalidations.invalidation_new, name="invalidation_new"),
    path("limits/", invalidations.limits, name="limits"),
    path("all/", invalidations.tenant_clear, name="tenant_clear"),
    path("<str:uid>/", invalidations.invalidation, name="invalidation"),
]

_events = [
    path("", events.events, name="events"),
    path("new/", events.event_rule_new, name="event_rule_new"),
    path("secrets/new/", events.event_secret_new, name="event_secret_new"),
    path(
        "secrets/<str:uid>/withdraw/",
        events.event_secret_withdraw,
        name="event_secret_withdraw",
    ),
    path("<str:uid>/", events.event_rule_edit, name="event_rule"),
    path("<str:uid>/delete/", events.event_rule_delete, name="event_rule_delete"),
]

_keys = [
    path("", keys.keys, name="keys"),
    path("new/", keys.key_new, name="key_new"),
    path("<str:uid>/revoke/", keys.key_revoke, name="key_revoke"),
]

_revisions = [
    path("", revisions.revisions, name="revisions"),
    path("<int:number>/", revisions.revision, name="revision"),
    path("<int:number>/rollback/", revisions.revision_rollback, name="revision_rollback"),
]

_tenant: list[URLPattern | URLResolver] = [
    path("", overview.overview, name="overview"),
    path("policies/", include(_policies)),
    path("faqs/", include(_faqs)),
    path("documents/", include(_documents)),
    path("matching/", include(_matching)),
    path("invalidations/", include(_invalidations)),
    path("events/", include(_events)),
    path("keys/", include(_keys)),
    path("revisions/", include(_revisions)),
    path("settings/", tenants.settings, name="settings"),
    path("settings/embedding/", tenants.embedding, name="embedding"),
]

_pages: list[URLPattern | URLResolver] = [
    path("", session.home, name="home"),
    path("tenants/", tenants.tenants, name="tenants"),
    path("tenants/new/", tenants.tenant_new, name="tenant_new"),
    path("t/<slug:slug>/", include(_tenant)),
]

urlpatterns: list[URLPattern | URLResolver] = [
    path("login/", session.LoginPage.as_view(), name="login"),
    path("logout/", LogoutView.as_view(), name="logout"),
    path("account/password/", session.PasswordPage.as_view(), name="password_change"),
    path("language/", set_language, name="set_language"),
    path("", include((_pages, "console"))),
]
