"""Everything the control plane keeps. Fields and constraints only; writes live in services."""

from __future__ import annotations

from cache_admin.models.audit import AuditEntry
from cache_admin.models.documents import Document, DocumentVersion
from cache_admin.models.faqs import Faq, FaqPhrase
from cache_admin.models.policies import ContentClassChoice, Policy, ScopeChoice
from cache_admin.models.revisions import Mutex, Revision, RuntimeInstance
from cache_admin.models.routing import ModelPrice, ModelRoute, Provider, ProviderCredential
from cache_admin.models.telemetry import CallEvent, HourlyRollup
from cache_admin.models.tenants import ApiKey, KeyScope, Membership, Role, Tenant

__all__ = [
    "ApiKey",
    "AuditEntry",
    "CallEvent",
    "ContentClassChoice",
    "Document",
    "DocumentVersion",
    "Faq",
    "FaqPhrase",
    "HourlyRollup",
    "KeyScope",
    "Membership",
    "ModelPrice",
    "ModelRoute",
    "Mutex",
    "Policy",
    "Provider",
    "ProviderCredential",
    "Revision",
    "Role",
    "RuntimeInstance",
    "ScopeChoice",
    "Tenant",
]
