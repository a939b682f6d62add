"""Everything the control plane keeps. Fields and constraints only; writes live in services."""

from __future__ import annotations

from cache_admin.models.audit import AuditEntry
from cache_admin.models.documents import Document, DocumentVersion
from cache_admin.models.faqs import Faq, FaqPhrase
from cache_admin.models.matching import Lexicon, NeverMergePair
from cache_admin.models.policies import (
    ContentClassChoice,
    ConversationChoice,
    PersonalDataChoice,
    Policy,
    ScopeChoice,
    VolatileChoice,
)
from cache_admin.models.quality import CheckTraining, LabelledPair, LabelSource, TrainingState
from cache_admin.models.revisions import Mutex, Revision, RuntimeInstance
from cache_admin.models.routing import ModelPrice, ModelRoute, Provider, ProviderCredential
from cache_admin.models.telemetry import CallEvent, HourlyRollup
from cache_admin.models.tenants import ApiKey, KeyScope, Membership, Role, Tenant
from cache_admin.models.upkeep import (
    EventRule,
    EventSecret,
    EvictionChoice,
    Invalidation,
    InvalidationKind,
    InvalidationState,
    TenantLimits,
)

__all__ = [
    "ApiKey",
    "AuditEntry",
    "CallEvent",
    "CheckTraining",
    "ContentClassChoice",
    "ConversationChoice",
    "Document",
    "DocumentVersion",
    "EventRule",
    "EventSecret",
    "EvictionChoice",
    "Faq",
    "FaqPhrase",
    "HourlyRollup",
    "Invalidation",
    "InvalidationKind",
    "InvalidationState",
    "KeyScope",
    "LabelSource",
    "LabelledPair",
    "Lexicon",
    "Membership",
    "ModelPrice",
    "ModelRoute",
    "Mutex",
    "NeverMergePair",
    "PersonalDataChoice",
    "Policy",
    "Provider",
    "ProviderCredential",
    "Revision",
    "Role",
    "RuntimeInstance",
    "ScopeChoice",
    "Tenant",
    "TenantLimits",
    "TrainingState",
    "VolatileChoice",
]
