"""The one place where database rows become values of the runtime, and the other way round.

`build_snapshot` reads everything with a fixed number of queries, whatever the number of rows; the
rest is pure.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, TypeVar

import msgspec
from django.db.models import CharField, Prefetch

from cache_admin.models import (
    ApiKey,
    CallEvent,
    Document,
    EventRule,
    EventSecret,
    Faq,
    FaqPhrase,
    HourlyRollup,
    Lexicon,
    ModelPrice,
    ModelRoute,
    NeverMergePair,
    Policy,
    ProviderCredential,
    Tenant,
    TenantLimits,
)
from routing.snapshot import (
    SCHEMA_VERSION,
    ApiKeyConfig,
    ContentClass,
    ContextRule,
    CredentialConfig,
    DocumentConfig,
    Eviction,
    FaqConfig,
    GuardName,
    LearnedCheck,
    LexiconConfig,
    Limits,
    MatchRule,
    NeverMerge,
    PolicyConfig,
    PriceConfig,
    RouteConfig,
    Scope,
    Snapshot,
    StoreRule,
    TenantConfig,
)
from routing.snapshot import EventRule as EventRuleConfig
from routing.telemetry.events import Event

RuleT = TypeVar("RuleT", ContextRule, StoreRule)

_SIMILARITY_STEP = Decimal("0.0001")
_FIRST_ERROR_STATUS = 400
_TEXT_LIMITS = {
    field.attname: field.max_length
    for field in CallEvent._meta.concrete_fields
    if isinstance(field, CharField) and field.max_length
}


def build_snapshot(
    *,
    revision: int,
    created_at: datetime,
    changed: Tenant | None = None,
    base: Snapshot | None = None,
) -> Snapshot:
    """The configuration as the database has it now, numbered `revision`.

    With `changed`, only that tenant is read and the others are as in `base`: a save must not take
    longer the more tenants there are.
    """
    relations: tuple[Prefetch[Any], ...] = (
        Prefetch("api_keys", ApiKey.objects.filter(revoked_at=None).order_by("uid")),
        Prefetch("policies", Policy.objects.order_by("uid").prefetch_related("documents")),
        Prefetch("documents", Document.objects.order_by("uid")),
        Prefetch("faqs", Faq.objects.order_by("uid")),
        Prefetch("routes", ModelRoute.objects.order_by("uid")),
        Prefetch("credentials", ProviderCredential.objects.order_by("uid")),
        Prefetch("event_rules", EventRule.objects.filter(enabled=True)),
        Prefetch("event_secrets", EventSecret.objects.order_by("pk")),
    )
    rows = Tenant.objects.order_by("pk").select_related("lexicon", "limits")
    rows = rows.prefetch_related(*relations)
    tenants = list(rows if changed is None else rows.filter(pk=changed.pk))
    aliases, pairs = read_aliases(tenants), read_pairs(tenants)
    prices = list(ModelPrice.objects.order_by("model", "valid_from"))
    # Nothing below reads the database: a query here would be one per row.
    return Snapshot(
        schema_version=SCHEMA_VERSION,
        revision=revision,
        created_at=created_at,
        tenants=_merged(base, [map_tenant(tenant, aliases, pairs) for tenant in tenants]),
        prices=tuple(map_price(price) for price in prices),
    )


def _merged(base: Snapshot | None, read: Sequence[TenantConfig]) -> tuple[TenantConfig, ...]:
    """The tenants of `base` with those of `read` in their places, new ones at the end."""
    tenants = {tenant.uid: tenant for tenant in base.tenants} if base else {}
    tenants |= {tenant.uid: tenant for tenant in read}
    return tuple(tenants.values())


def read_aliases(tenants: Iterable[Tenant]) -> Mapping[int, Sequence[str]]:
    """The aliases of every FAQ of `tenants` in order, by the FAQ's primary key.

    As plain values in one query: model instances of them would take most of a publication's time.
    """
    aliases: dict[int, list[str]] = {}
    rows = FaqPhrase.objects.filter(tenant__in=tenants, position__gt=0).order_by("faq", "position")
    for faq_id, text in rows.values_list("faq_id", "text"):
        aliases.setdefault(faq_id, []).append(text)
    return aliases


def read_pairs(tenants: Iterable[Tenant]) -> Mapping[int, Sequence[NeverMerge]]:
    """The pairs in force of `tenants`, in order of their texts, by the tenant's primary key."""
    pairs: dict[int, list[NeverMerge]] = {}
    rows = NeverMergePair.objects.filter(tenant__in=tenants, enabled=True)
    for tenant_id, a, b in rows.values_list("tenant_id", "a", "b"):
        pairs.setdefault(tenant_id, []).append(NeverMerge(a=a, b=b))
    # By us, because no two databases sort texts alike.
    return {key: sorted(found, key=lambda pair: (pair.a, pair.b)) for key, found in pairs.items()}


def map_tenant(
    tenant: Tenant,
    aliases: Mapping[int, Sequence[str]],
    pairs: Mapping[int, Sequence[NeverMerge]],
) -> TenantConfig:
    """A tenant whose relations have been fetched; the rest as `read_...` gives it."""
    return TenantConfig(
        uid=tenant.uid,
        slug=tenant.slug,
        language=tenant.language,
        enabled=tenant.enabled,
        api_keys=tuple(map_api_key(key) for key in tenant.api_keys.all()),
        policies=tuple(map_policy(policy) for policy in tenant.policies.all()),
        documents=tuple(map_document(document) for document in tenant.documents.all()),
        faqs=tuple(map_faq(faq, aliases.get(faq.pk, ())) for faq in tenant.faqs.all()),
        routes=tuple(map_route(route) for route in tenant.routes.all()),
        credentials=tuple(map_credential(item) for item in tenant.credentials.all()),
        generation=tenant.generation,
        embedding_model=tenant.embedding_model,
        never_merge=tuple(pairs.get(tenant.pk, ())),
        lexicon=map_lexicon(getattr(tenant, "lexicon", None)),
        event_rules=map_event_rules(tenant.event_rules.all()),
        event_secrets=tuple(item.secret for item in tenant.event_secrets.all()),
        limits=map_limits(getattr(tenant, "limits", None)),
    )


def map_lexicon(lexicon: Lexicon | None) -> LexiconConfig:
    """A tenant's words; none without a row."""
    if lexicon is None:
        return LexiconConfig()
    return LexiconConfig(
        opposites=tuple((one, other) for one, other in lexicon.opposites),
        alike=tuple(tuple(group) for group in lexicon.alike),
        apart=tuple(tuple(group) for group in lexicon.apart),
    )


def map_event_rules(rules: Iterable[EventRule]) -> tuple[EventRuleConfig, ...]:
    """Events' names and the tags they drop, in order."""
    mapped = (EventRuleConfig(event=rule.event, tag=rule.tag) for rule in rules)
    return tuple(sorted(mapped, key=lambda rule: (rule.event, rule.tag)))


def map_limits(limits: TenantLimits | None) -> Limits:
    """What a tenant may keep; no limit without a row."""
    if limits is None:
        return Limits()
    return Limits(
        max_entries=limits.max_entries,
        max_bytes=limits.max_bytes,
        eviction=Eviction(limits.eviction),
    )


def map_policy(policy: Policy) -> PolicyConfig:
    """A policy whose documents have been fetched."""
    return PolicyConfig(
        uid=policy.uid,
        name=policy.name,
        content_class=ContentClass(policy.content_class),
        min_similarity=float(policy.min_similarity),
        min_margin=float(policy.min_margin),
        ttl_seconds=policy.ttl_seconds,
        scope=Scope(policy.scope),
        match=MatchRule(
            endpoints=tuple(policy.match_endpoints),
            tags=tuple(policy.match_tags),
            models=tuple(policy.match_models),
        ),
        priority=policy.priority,
        documents=tuple(sorted(document.slug for document in policy.documents.all())),
        enabled=policy.enabled,
        generation=policy.generation,
        disabled_guards=tuple(GuardName(name) for name in policy.disabled_guards),
        context=_rule(policy, ContextRule, prefix="context"),
        store=_rule(policy, StoreRule, prefix="store"),
        jitter=float(policy.jitter),
        stale_seconds=policy.stale_seconds,
        stale_if_error_seconds=policy.stale_if_error_seconds,
        single_flight=policy.single_flight,
        faqs=policy.faqs,
        learned=None if policy.learned is None else msgspec.convert(policy.learned, LearnedCheck),
    )


def _rule(policy: Policy, kind: type[RuleT], *, prefix: str) -> RuleT:
    """The columns that begin with `prefix`, each named after a field of `kind`."""
    values = {name: getattr(policy, f"{prefix}_{name}") for name in kind.__struct_fields__}
    return msgspec.convert(values, kind)


def map_document(document: Document) -> DocumentConfig:
    """A document at its current version."""
    return DocumentConfig(uid=document.uid, slug=document.slug, version=document.current_version)


def map_faq(faq: Faq, aliases: Sequence[str]) -> FaqConfig:
    """An FAQ with its aliases in order."""
    return FaqConfig(
        uid=faq.uid,
        language=faq.language,
        question=faq.question,
        answer=faq.answer,
        aliases=tuple(aliases),
        enabled=faq.enabled,
    )


def map_api_key(key: ApiKey) -> ApiKeyConfig:
    """A key, known by its digest alone."""
    expires_at = key.expires_at.astimezone(UTC) if key.expires_at else None
    return ApiKeyConfig(
        uid=key.uid, digest=key.digest, scopes=tuple(key.scopes), expires_at=expires_at
    )


def map_credential(credential: ProviderCredential) -> CredentialConfig:
    """A provider key as its Fernet token."""
    return CredentialConfig(
        uid=credential.uid,
        provider=credential.provider,
        secret=credential.secret,
        base_url=credential.base_url or None,
    )


def map_route(route: ModelRoute) -> RouteConfig:
    """Where calls for a model go."""
    return RouteConfig(
        uid=route.uid,
        model=route.model,
        provider=route.provider,
        target_model=route.target_model,
        group=route.group,
        enabled=route.enabled,
    )


def map_price(price: ModelPrice) -> PriceConfig:
    """Prices of a model from a moment on."""
    return PriceConfig(
        model=price.model,
        valid_from=price.valid_from.astimezone(UTC),
        input=price.input_nanousd,
        output=price.output_nanousd,
        cache_read=price.cache_read_nanousd,
        cache_write_5m=price.cache_write_5m_nanousd,
        cache_write_1h=price.cache_write_1h_nanousd,
    )


def put_tenant(config: TenantConfig, row: Tenant) -> Tenant:
    """`row` with the tenant's own values as `config` has them."""
    row.language = config.language
    row.enabled = config.enabled
    row.embedding_model = config.embedding_model
    return row


def put_policy(config: PolicyConfig, row: Policy) -> Policy:
    """`row` with the values of `config`.

    But not the documents, which need it saved first, nor the generation, which only rises.
    """
    row.name = config.name
    row.content_class = config.content_class.value
    row.min_similarity = Decimal(str(config.min_similarity)).quantize(_SIMILARITY_STEP)
    row.min_margin = Decimal(str(config.min_margin)).quantize(_SIMILARITY_STEP)
    row.ttl_seconds = config.ttl_seconds
    row.scope = config.scope.value
    row.match_endpoints = list(config.match.endpoints)
    row.match_tags = list(config.match.tags)
    row.match_models = list(config.match.models)
    row.priority = config.priority
    row.enabled = config.enabled
    row.disabled_guards = [guard.value for guard in config.disabled_guards]
    for prefix, rule in (("context", config.context), ("store", config.store)):
        for name, value in msgspec.to_builtins(rule).items():
            setattr(row, f"{prefix}_{name}", value)
    row.jitter = Decimal(str(config.jitter)).quantize(_SIMILARITY_STEP)
    row.stale_seconds = config.stale_seconds
    row.stale_if_error_seconds = config.stale_if_error_seconds
    row.single_flight = config.single_flight
    row.faqs = config.faqs
    row.learned = msgspec.to_builtins(config.learned)
    return row


def put_document(config: DocumentConfig, row: Document) -> Document:
    """`row` at the version of `config`."""
    row.slug = config.slug
    row.current_version = config.version
    return row


def put_faq(config: FaqConfig, row: Faq) -> Faq:
    """`row` with every value of `config` but the phrases, which are rows of their own."""
    row.language = config.language
    row.question = config.question
    row.answer = config.answer
    row.enabled = config.enabled
    return row


def put_route(config: RouteConfig, row: ModelRoute) -> ModelRoute:
    """`row` with every value of `config`."""
    row.model = config.model
    row.provider = config.provider
    row.target_model = config.target_model
    row.group = config.group
    row.enabled = config.enabled
    return row


def map_event(event: Event, *, tenant_id: int) -> CallEvent:
    """The row of one event, for the tenant with that primary key.

    Texts longer than their column are cut: an app chooses some of them, and none may block the
    rest. Raises ValueError, OverflowError or OSError when the id or the time is none.
    """
    seconds, milliseconds = divmod(event.time_ms, 1000)
    at = datetime.fromtimestamp(seconds, UTC).replace(microsecond=milliseconds * 1000)
    usage, stages = event.usage, event.stages_us
    return CallEvent(
        id=uuid.UUID(event.id),
        tenant_id=tenant_id,
        at=at,
        key_uid=_text("key_uid", event.key),
        protocol=_text("protocol", event.protocol),
        policy=_text("policy", event.policy),
        endpoint=_text("endpoint", event.endpoint),
        user=_text("user", event.user),
        model_asked=_text("model_asked", event.model_asked),
        model_used=_text("model_used", event.model_used),
        provider=_text("provider", event.provider),
        layer=event.layer,
        result=event.result,
        similarity=event.similarity,
        margin=event.margin,
        guards=list(event.guards),
        entry=_text("entry", event.entry),
        reason=_text("reason", event.reason),
        arm=_text("arm", event.arm),
        stream=event.stream,
        status=event.status,
        error=_text("error", event.error),
        revision=event.revision,
        input_tokens=usage.input_tokens,
        output_tokens=usage.output_tokens,
        cache_read_input_tokens=usage.cache_read_input_tokens,
        cache_write_5m_input_tokens=usage.cache_write_5m_input_tokens,
        cache_write_1h_input_tokens=usage.cache_write_1h_input_tokens,
        cost_nanousd=event.cost_nanousd,
        avoided_nanousd=msgspec.to_builtins(event.avoided_nanousd),
        total_us=stages.total,
        lookup_us=stages.lookup,
        embedding_us=stages.embedding,
        provider_us=stages.provider,
    )


def map_rollups(calls: Iterable[CallEvent]) -> list[HourlyRollup]:
    """The sums of `calls` by hour and by what charts group by."""
    rollups: dict[tuple[object, ...], HourlyRollup] = {}
    for call in calls:
        hour = call.at.replace(minute=0, second=0, microsecond=0)
        model = call.model_used or call.model_asked
        key = (call.tenant_id, hour, call.policy, call.endpoint, model, call.layer, call.result)
        rollup = rollups.get(key)
        if rollup is None:
            rollup = rollups[key] = HourlyRollup(
                tenant_id=call.tenant_id,
                hour=hour,
                policy=call.policy,
                endpoint=call.endpoint,
                model=model,
                layer=call.layer,
                result=call.result,
            )
        _add(rollup, call)
    return list(rollups.values())


def _add(rollup: HourlyRollup, call: CallEvent) -> None:
    rollup.calls += 1
    rollup.errors += int(call.status >= _FIRST_ERROR_STATUS or bool(call.error))
    rollup.input_tokens += call.input_tokens
    rollup.output_tokens += call.output_tokens
    rollup.cache_read_input_tokens += call.cache_read_input_tokens
    rollup.cache_write_input_tokens += (
        call.cache_write_5m_input_tokens + call.cache_write_1h_input_tokens
    )
    rollup.cost_nanousd += call.cost_nanousd
    rollup.avoided_nanousd += sum(call.avoided_nanousd.values())
    rollup.total_us += call.total_us


def _text(column: str, text: str) -> str:
    """`text` as the column can hold it; PostgreSQL knows no NUL."""
    return text.replace("\0", "")[: _TEXT_LIMITS[column]]
