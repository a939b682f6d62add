"""Every page of the console, listed by object."""

from __future__ import annotations

from django.contrib.auth.views import LogoutView
from django.urls import URLPattern, URLResolver, include, path
from django.views.i18n import set_language

from cache_admin.console.views import (
    documents,
    faqs,
    keys,
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
