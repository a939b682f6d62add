"""Caching policies: creating, editing, deleting, and the ready ones of a new tenant."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass, fields
from decimal import Decimal
from typing import Any
from unicodedata import category

import msgspec
from django.utils.translation import gettext as _

from cache_admin.errors import Conflict, InvalidInput
from cache_admin.models import (
    ContentClassChoice,
    ConversationChoice,
    Document,
    PersonalDataChoice,
    Policy,
    ScopeChoice,
    Tenant,
    VolatileChoice,
)
from cache_admin.services.actor import Actor
from cache_admin.services.publishing import change
from cache_admin.services.validation import current, validated
from routing.snapshot import GuardName, PolicyConfig

DEFAULT_MIN_SIMILARITY = Decimal("0.79")
DEFAULT_MIN_MARGIN = Decimal("0.05")
"""Brings the support streams of docs/quality.md to about five wrong hits in a hundred at 0.79."""

SWITCHABLE_GUARDS = tuple(guard for guard in GuardName if guard is not GuardName.NEVER_MERGE)
"""The pairs that never merge are kept apart under every policy."""

MAX_TTL_SECONDS = 366 * 24 * 3600
MAX_LIST_ITEMS = 100
MAX_MATCH_LENGTH = 120
_MATCH_LISTS = ("match_endpoints", "match_tags", "match_models")
# Control characters, halves of surrogate pairs, line and paragraph separators.
_UNSEEN = frozenset({"Cc", "Cs", "Zl", "Zp"})
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
_STEP = Decimal("0.0001")
_MINUTE, _HOUR, _DAY = 60, 3600, 24 * 3600


@dataclass(frozen=True, slots=True)
class PolicySpec:
    """Everything an operator decides about a policy, under the names of the model's columns.

    `documents` are short names. What was learned and the generation are not decided, but happen.
    """

    name: str
    content_class: str
    min_similarity: Decimal = DEFAULT_MIN_SIMILARITY
    min_margin: Decimal = DEFAULT_MIN_MARGIN
    ttl_seconds: int = _HOUR
    scope: str = ScopeChoice.TENANT.value
    match_endpoints: tuple[str, ...] = ()
    match_tags: tuple[str, ...] = ()
    match_models: tuple[str, ...] = ()
    priority: int = 0
    documents: tuple[str, ...] = ()
    enabled: bool = True
    disabled_guards: tuple[str, ...] = ()
    faqs: bool = True
    context_system_prompt: bool = True
    context_tools: bool = True
    context_response_format: bool = True
    context_attachments: bool = True
    context_parameters: bool = True
    context_conversation: str = ConversationChoice.FINGERPRINT.value
    context_last_turns: int = 2
    context_language: bool = True
    store_tool_calls: bool = False
    store_refusals: bool = False
    store_valid_json: bool = True
    store_min_chars: int = 1
    store_max_chars: int = 100_000
    store_personal_data: str = PersonalDataChoice.USER_SCOPE_ONLY.value
    store_volatile: str = VolatileChoice.ROUTE.value
    store_finish_abandoned: bool = False
    jitter: Decimal = Decimal(0)
    stale_seconds: int = 0
    stale_if_error_seconds: int = 0
    single_flight: bool = True


_COLUMNS = tuple(field.name for field in fields(PolicySpec) if field.name != "documents")

READY_POLICIES = (
    PolicySpec(
        name="real-time",
        content_class=ContentClassChoice.REAL_TIME.value,
        min_similarity=Decimal("0.90"),
        ttl_seconds=45,
        match_tags=("real-time",),
        priority=50,
    ),
    PolicySpec(
        name="user-specific",
        content_class=ContentClassChoice.USER_SPECIFIC.value,
        min_similarity=Decimal("0.85"),
        ttl_seconds=10 * _MINUTE,
        scope=ScopeChoice.USER.value,
        match_tags=("user-specific",),
        priority=40,
    ),
    PolicySpec(
        name="static-docs",
        content_class=ContentClassChoice.STATIC_DOCS.value,
        ttl_seconds=_DAY,
        match_tags=("static-docs",),
        priority=30,
    ),
    PolicySpec(
        name="archival",
        content_class=ContentClassChoice.ARCHIVAL.value,
        ttl_seconds=30 * _DAY,
        match_tags=("archival",),
        priority=20,
    ),
    PolicySpec(
        name="frequent-faq",
        content_class=ContentClassChoice.FREQUENT_FAQ.value,
        ttl_seconds=_HOUR,
        priority=0,
    ),
)
"""One policy a content class. The last matches every call that no other policy claims."""


def create_policy(*, tenant: Tenant, actor: Actor, spec: PolicySpec) -> Policy:
    """A new policy. Raises InvalidInput, or Conflict when the name is taken."""
    with change(actor=actor, tenant=tenant) as journal:
        policy = Policy(tenant=tenant)
        _put(policy, spec)
        journal.record("policy.created", target=policy, after=asdict(spec))
    return policy


def update_policy(
    *, policy: Policy, actor: Actor, spec: PolicySpec, expected_version: int | None
) -> Policy:
    """Give `policy` the values of `spec`; the row as saved is returned.

    Raises StaleEdit when `expected_version` is given and is no longer the current one,
    InvalidInput, or Conflict when the name is taken. Saving the same values changes nothing.
    """
    with change(actor=actor, tenant=policy.tenant) as journal:
        row = current(policy, expected_version=expected_version)
        before = spec_of(row)
        if before == _canonical(spec):
            return row
        row.version += 1
        _put(row, spec)
        journal.record("policy.updated", target=row, before=asdict(before), after=asdict(spec))
    return row


def delete_policy(*, policy: Policy, actor: Actor, expected_version: int | None = None) -> None:
    """Remove a policy; the entries stored under it become unreachable.

    Raises StaleEdit when `expected_version` is given and someone saved meanwhile.
    """
    with change(actor=actor, tenant=policy.tenant) as journal:
        row = current(policy, expected_version=expected_version)
        journal.record("policy.deleted", target=row, before=asdict(spec_of(row)))
        row.delete()


def forget_learned_check(*, policy: Policy, actor: Actor) -> Policy:
    """Drop what was learned from the policy's labelled pairs; the pairs stay.

    The row as saved is returned. Where nothing was learned nothing changes.
    """
    with change(actor=actor, tenant=policy.tenant) as journal:
        row = current(policy, expected_version=None)
        if row.learned is None:
            return row
        before = {"pairs": row.learned["pairs"], "trained_at": row.learned["trained_at"]}
        row.learned = None
        row.version += 1
        validated(row).save()
        journal.record("policy.learned_forgotten", target=row, before=before)
    return row


def spec_of(policy: Policy) -> PolicySpec:
    """The values of `policy` as an edit would give them."""
    slugs = policy.documents.order_by("slug").values_list("slug", flat=True)
    values = {name: getattr(policy, name) for name in _COLUMNS}
    values |= {name: tuple(value) for name, value in values.items() if isinstance(value, list)}
    return PolicySpec(**values, documents=tuple(slugs))


def spec_from(config: PolicyConfig) -> PolicySpec:
    """The values of a policy that comes from elsewhere, as an edit would give them."""
    values: dict[str, Any] = msgspec.to_builtins(config)
    for group in ("match", "context", "store"):
        values |= {f"{group}_{name}": value for name, value in values[group].items()}
    for name in ("min_similarity", "min_margin", "jitter"):
        values[name] = _decimal(values[name])
    values |= {name: tuple(value) for name, value in values.items() if isinstance(value, list)}
    return PolicySpec(**{name: values[name] for name in (*_COLUMNS, "documents")})


def _put(policy: Policy, spec: PolicySpec) -> None:
    _check(policy, spec)
    documents = _documents(policy.tenant, spec.documents)
    values: dict[str, Any] = asdict(_canonical(spec))
    del values["documents"]
    for name, value in values.items():
        setattr(policy, name, list(value) if isinstance(value, tuple) else value)
    validated(policy).save()
    policy.documents.set(documents)


def _check(policy: Policy, spec: PolicySpec) -> None:
    if not _NAME.fullmatch(spec.name):
        message = _("Use lower-case letters, digits, hyphens and underscores.")
        raise InvalidInput(message, fields={"name": message})
    if spec.ttl_seconds > MAX_TTL_SECONDS:
        message = _("Keep answers for at most 366 days.")
        raise InvalidInput(message, fields={"ttl_seconds": message})
    for name in ("stale_seconds", "stale_if_error_seconds"):
        if getattr(spec, name) > MAX_TTL_SECONDS:
            message = _("Must be 366 days at most.")
            raise InvalidInput(message, fields={name: message})
    if spec.store_min_chars > spec.store_max_chars:
        message = _("The shortest answer is longer than the longest.")
        raise InvalidInput(message, fields={"store_min_chars": message})
    if unknown := sorted(set(spec.disabled_guards) - set(GuardName)):
        message = _("There is no guard “%(name)s”.") % {"name": unknown[0]}
        raise InvalidInput(message, fields={"disabled_guards": message})
    for name in (*_MATCH_LISTS, "documents"):
        if fault := _list_fault(getattr(spec, name)):
            raise InvalidInput(fault, fields={name: fault})
    same_name = Policy.objects.for_tenant(policy.tenant).filter(name=spec.name)
    if same_name.exclude(pk=policy.pk).exists():
        message = _("Another policy has the name “%(name)s”.") % {"name": spec.name}
        raise Conflict(message, fields={"name": message})


def _list_fault(items: tuple[str, ...]) -> str:
    """What is wrong with a list, if anything."""
    if len(items) > MAX_LIST_ITEMS:
        return _("Name at most %(limit)d.") % {"limit": MAX_LIST_ITEMS}
    for item in items:
        # A form shows the list with commas between, headers carry it so.
        if any(mark == "," or category(mark) in _UNSEEN for mark in item):
            shown = ascii(item)[1:-1]
            return _("“%(item)s” holds a comma or a control character.") % {"item": shown}
        if len(item) > MAX_MATCH_LENGTH:
            return _("Keep each under %(limit)d characters.") % {"limit": MAX_MATCH_LENGTH + 1}
    return ""


def _documents(tenant: Tenant, slugs: tuple[str, ...]) -> list[Document]:
    found = list(Document.objects.for_tenant(tenant).filter(slug__in=slugs))
    if unknown := set(slugs) - {document.slug for document in found}:
        message = _("There is no document “%(slug)s”.") % {"slug": sorted(unknown)[0]}
        raise InvalidInput(message, fields={"documents": message})
    return found


def _canonical(spec: PolicySpec) -> PolicySpec:
    """`spec` without what means nothing: blanks and repetitions in its lists, and a word against
    the guard that nobody switches off."""
    values = asdict(spec)
    for name in _MATCH_LISTS:
        values[name] = tuple(dict.fromkeys(item.strip() for item in values[name] if item.strip()))
    values["documents"] = tuple(sorted(set(spec.documents)))
    values["disabled_guards"] = tuple(
        guard.value for guard in SWITCHABLE_GUARDS if guard.value in spec.disabled_guards
    )
    return PolicySpec(**values)


def _decimal(value: float) -> Decimal:
    """The four decimals that were written; 0.79 and not 0.790000000000000035."""
    return Decimal(str(value)).quantize(_STEP)
