"""The pushed configuration: what the control plane publishes and the runtime obeys.

One snapshot holds the whole configuration, numbered by `revision`. It travels as JSON; the digest
of the exact bytes travels beside it. Additive fields keep the schema version, anything else raises
it, and a runtime refuses versions it does not speak.
"""

from __future__ import annotations

import hashlib
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from routing.errors import SnapshotDigestError, SnapshotSchemaError

SCHEMA_VERSION = 1

Similarity = Annotated[float, Meta(ge=0.0, le=1.0)]
Slug = Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9_-]*$", max_length=64)]


class ContentClass(StrEnum):
    """How quickly an answer of this kind goes stale (mission: content classes)."""

    REAL_TIME = "real_time"
    USER_SPECIFIC = "user_specific"
    FREQUENT_FAQ = "frequent_faq"
    STATIC_DOCS = "static_docs"
    ARCHIVAL = "archival"


class Scope(StrEnum):
    """Who may be served an answer: everyone in the tenant, or only the user who caused it."""

    TENANT = "tenant"
    USER = "user"


class MatchRule(Struct, frozen=True, forbid_unknown_fields=True):
    """Which calls a policy covers. Every non-empty list must match; empty lists match all.

    Items are compared whole; a trailing ``*`` matches any ending.
    """

    endpoints: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    models: tuple[str, ...] = ()


class GuardName(StrEnum):
    """The checks that may veto a look-alike (`routing.guards`)."""

    NUMBERS = "numbers"
    DATES = "dates"
    IDENTIFIERS = "identifiers"
    ENTITIES = "entities"
    NEGATION = "negation"
    OPPOSITES = "opposites"
    QUESTION_TYPE = "question_type"
    SLOTS = "slots"
    LANGUAGE = "language"
    LENGTH = "length"
    NEVER_MERGE = "never_merge"


class Conversation(StrEnum):
    """What earlier turns do to the key: nothing, all of them count, or the last few do."""

    NONE = "none"
    FINGERPRINT = "fingerprint"
    LAST_TURNS = "last_turns"


class ContextRule(Struct, frozen=True):
    """What two calls must have in common, besides the question, to share an answer.

    `parameters`: temperature, stop and the like. `last_turns` counts messages and is used with
    that choice of `conversation` only. `language`: calls in different languages never share.
    """

    system_prompt: bool = True
    tools: bool = True
    response_format: bool = True
    attachments: bool = True
    parameters: bool = True
    conversation: Conversation = Conversation.FINGERPRINT
    last_turns: Annotated[int, Meta(ge=1, le=50)] = 2
    language: bool = True


class PersonalData(StrEnum):
    """What becomes of answers to, or with, e-mails, phone and card numbers and the like: kept, or
    kept only where the scope is one user, or never kept."""

    KEEP = "keep"
    USER_SCOPE_ONLY = "user_scope_only"
    REFUSE = "refuse"


class Volatile(StrEnum):
    """What becomes of questions about now or about one user's own state: nothing special, the
    policy of the right content class, or no cache."""

    IGNORE = "ignore"
    ROUTE = "route"
    REFUSE = "refuse"


class StoreRule(Struct, frozen=True):
    """Which complete answers may be kept. `valid_json`: what was asked for as JSON must be JSON.

    `finish_abandoned`: a stream whose app has gone is read to its end and kept.
    """

    tool_calls: bool = False
    refusals: bool = False
    valid_json: bool = True
    min_chars: Annotated[int, Meta(ge=0)] = 1
    max_chars: Annotated[int, Meta(ge=1)] = 100_000
    personal_data: PersonalData = PersonalData.USER_SCOPE_ONLY
    volatile: Volatile = Volatile.ROUTE
    finish_abandoned: bool = False


class LearnedCheck(Struct, frozen=True):
    """A logistic model trained on the policy's own labelled pairs (`routing.learned`).

    P(right) = 1 / (1 + exp(-(intercept + sum(coefficient * (feature - mean) / scale)))); a hit
    needs `min_probability` of it. The tuples run parallel to `features`.
    """

    min_probability: Similarity
    features: tuple[str, ...]
    means: tuple[float, ...]
    scales: tuple[float, ...]
    coefficients: tuple[float, ...]
    intercept: float
    trained_at: datetime
    pairs: int


class PolicyConfig(Struct, frozen=True):
    """How one kind of call is cached. Highest `priority` wins, then the lesser name.

    `generation` is part of the key: raising it retires every answer of the policy. `jitter` is the
    share of the lifetime by which entries may expire earlier, so that they do not all expire at
    once. For `stale_seconds` past its expiry an answer is still served while it is renewed, for
    `stale_if_error_seconds` when the provider fails. `single_flight`: of equal calls at the same
    time one asks the provider. `faqs`: whether curated answers come first.
    """

    uid: str
    name: Slug
    content_class: ContentClass
    min_similarity: Similarity
    ttl_seconds: Annotated[int, Meta(ge=1)]
    min_margin: Similarity = 0.0
    scope: Scope = Scope.TENANT
    match: MatchRule = MatchRule()
    priority: int = 0
    documents: tuple[Slug, ...] = ()
    enabled: bool = True
    generation: Annotated[int, Meta(ge=1)] = 1
    disabled_guards: tuple[GuardName, ...] = ()
    context: ContextRule = ContextRule()
    store: StoreRule = StoreRule()
    jitter: Annotated[float, Meta(ge=0.0, le=0.5)] = 0.0
    stale_seconds: Annotated[int, Meta(ge=0)] = 0
    stale_if_error_seconds: Annotated[int, Meta(ge=0)] = 0
    single_flight: bool = True
    faqs: bool = True
    learned: LearnedCheck | None = None


class DocumentConfig(Struct, frozen=True):
    """A source text and the version that answers now rest on."""

    uid: str
    slug: Slug
    version: Annotated[int, Meta(ge=1)]


class FaqConfig(Struct, frozen=True):
    """A curated answer, served on exact match of the normalised question or an alias."""

    uid: str
    language: Annotated[str, Meta(pattern=r"^[a-z]{2}$")]
    question: str
    answer: str
    aliases: tuple[str, ...] = ()
    enabled: bool = True


class ApiKeyConfig(Struct, frozen=True):
    """An app key, known only by the SHA-256 (hex) of its full text."""

    uid: str
    digest: Annotated[str, Meta(pattern=r"^[0-9a-f]{64}$")]
    scopes: tuple[str, ...]
    expires_at: datetime | None = None


class CredentialConfig(Struct, frozen=True):
    """How a tenant reaches a provider. `secret` is a Fernet token, never plain text."""

    uid: str
    provider: str
    secret: str
    base_url: str | None = None

    def __repr__(self) -> str:
        return f"CredentialConfig(uid={self.uid!r}, provider={self.provider!r})"


class RouteConfig(Struct, frozen=True):
    """Where calls that ask for `model` go. A trailing ``*`` matches any ending.

    `group`: models of one group may share cached answers.
    """

    uid: str
    model: str
    provider: str
    target_model: str
    group: str
    enabled: bool = True


class PriceConfig(Struct, frozen=True):
    """Prices of one model from `valid_from` on, in nano-USD per million tokens."""

    model: str
    valid_from: datetime
    input: Annotated[int, Meta(ge=0)]
    output: Annotated[int, Meta(ge=0)]
    cache_read: Annotated[int, Meta(ge=0)]
    cache_write_5m: Annotated[int, Meta(ge=0)]
    cache_write_1h: Annotated[int, Meta(ge=0)]


class NeverMerge(Struct, frozen=True):
    """Two questions that must never share an answer, in either direction."""

    a: str
    b: str


class LexiconConfig(Struct, frozen=True):
    """A tenant's own words for the guards.

    `opposites`: pairs that turn a question round. `alike`: groups of words that mean the same.
    `apart`: groups of words of which none may stand for another, such as plan names.
    """

    opposites: tuple[tuple[str, str], ...] = ()
    alike: tuple[tuple[str, ...], ...] = ()
    apart: tuple[tuple[str, ...], ...] = ()


class EventRule(Struct, frozen=True):
    """Which entries an event drops: those with the tag that `tag` makes of the event.

    Placeholders: ``{id}`` (the event's entity) and ``{payload.<field>}``.
    """

    event: str
    tag: str


class Eviction(StrEnum):
    """Which entries go first when there are too many: least recently or least often served."""

    LRU = "lru"
    LFU = "lfu"


class Limits(Struct, frozen=True):
    """How much a tenant may keep; 0 = no limit of its own."""

    max_entries: Annotated[int, Meta(ge=0)] = 0
    max_bytes: Annotated[int, Meta(ge=0)] = 0
    eviction: Eviction = Eviction.LRU


class TenantConfig(Struct, frozen=True):
    """Everything of one customer. `uid` never changes and is never used again.

    `generation` is part of every key: raising it retires all the tenant's answers.
    `event_secrets` are Fernet tokens of what signs the tenant's events; two while one replaces the
    other. `embedding_model`: empty for the runtime's own.
    """

    uid: Annotated[str, Meta(min_length=1)]
    slug: Slug
    language: str = "en"
    enabled: bool = True
    api_keys: tuple[ApiKeyConfig, ...] = ()
    policies: tuple[PolicyConfig, ...] = ()
    documents: tuple[DocumentConfig, ...] = ()
    faqs: tuple[FaqConfig, ...] = ()
    routes: tuple[RouteConfig, ...] = ()
    credentials: tuple[CredentialConfig, ...] = ()
    generation: Annotated[int, Meta(ge=1)] = 1
    never_merge: tuple[NeverMerge, ...] = ()
    lexicon: LexiconConfig = LexiconConfig()
    event_rules: tuple[EventRule, ...] = ()
    event_secrets: tuple[str, ...] = ()
    limits: Limits = Limits()
    embedding_model: str = ""

    def __repr__(self) -> str:
        return f"TenantConfig(uid={self.uid!r}, slug={self.slug!r})"


class Snapshot(Struct, frozen=True):
    """The whole configuration at one revision."""

    schema_version: int
    revision: Annotated[int, Meta(ge=1)]
    created_at: datetime
    tenants: tuple[TenantConfig, ...] = ()
    prices: tuple[PriceConfig, ...] = ()


class Acknowledgement(Struct, frozen=True):
    """A runtime's word on one revision: in force, or refused with the reason."""

    instance: str
    revision: int
    at: datetime
    error: str | None = None


class LoadedModel(Struct, frozen=True):
    """An embedding model as one runtime has it: `ready`, or with the `error` that keeps it from
    being so, or else loading. `tenants` name it. `weight_bytes`: its weights in the process.

    A model behind a provider's API stands here once for each account; `tenant_uids` are some of
    those that share it, and of those that cannot have what they name.
    """

    name: str
    model_id: str = ""
    dimensions: int = 0
    weight_bytes: int = 0
    ready: bool = False
    tenants: int = 0
    error: str = ""
    tenant_uids: tuple[str, ...] = ()


class Heartbeat(Struct, frozen=True):
    """What a runtime last said of itself; written every few seconds.

    `redis_memory_share`: how full Redis is; None when it has no limit.
    """

    instance: str
    version: str
    revision: int
    at: datetime
    started_at: datetime
    embedding_model: str
    redis_ok: bool
    events_spooled: int
    error: str | None = None
    embedding_models: tuple[LoadedModel, ...] = ()
    redis_memory_share: float | None = None


def encode_snapshot(snapshot: Snapshot) -> bytes:
    """JSON bytes of `snapshot`, keys in a fixed order."""
    return msgspec.json.encode(snapshot, order="deterministic")


def snapshot_digest(body: bytes) -> str:
    """SHA-256 (hex) of a snapshot's exact bytes."""
    return hashlib.sha256(body).hexdigest()


def decode_snapshot(body: bytes, *, digest: str | None = None) -> Snapshot:
    """The snapshot in `body`.

    Raises SnapshotDigestError when `digest` is given and differs, SnapshotSchemaError when the body
    is malformed, inconsistent or of another schema version.
    """
    if digest is not None and snapshot_digest(body) != digest:
        raise SnapshotDigestError(f"body has digest {snapshot_digest(body)}, expected {digest}")
    try:
        version = msgspec.json.decode(body, type=_SchemaVersion).schema_version
        if version != SCHEMA_VERSION:
            raise SnapshotSchemaError(
                f"snapshot has schema version {version}, this release speaks {SCHEMA_VERSION}"
            )
        snapshot = msgspec.json.decode(body, type=Snapshot)
    except msgspec.MsgspecError as error:
        raise SnapshotSchemaError(str(error)) from error
    check_snapshot(snapshot)
    return snapshot


def check_snapshot(snapshot: Snapshot) -> None:
    """Raise SnapshotSchemaError when parts of `snapshot` contradict each other."""
    _require_unique("tenant", [tenant.uid for tenant in snapshot.tenants])
    _require_unique("tenant slug", [tenant.slug for tenant in snapshot.tenants])
    digests = [key.digest for tenant in snapshot.tenants for key in tenant.api_keys]
    _require_unique("api key", digests)
    for tenant in snapshot.tenants:
        _require_unique(f"policy of {tenant.slug}", [policy.name for policy in tenant.policies])
        _require_unique(f"document of {tenant.slug}", [item.slug for item in tenant.documents])
        known = {document.slug for document in tenant.documents}
        for policy in tenant.policies:
            _require_usable_check(tenant, policy)
            if unknown := set(policy.documents) - known:
                raise SnapshotSchemaError(
                    f"policy {tenant.slug}/{policy.name} depends on unknown documents: "
                    + ", ".join(sorted(unknown))
                )


def snapshot_json_schema() -> dict[str, Any]:
    """JSON Schema of the snapshot, as committed in docs/snapshot.schema.json."""
    return msgspec.json.schema(Snapshot)


def _require_usable_check(tenant: TenantConfig, policy: PolicyConfig) -> None:
    check = policy.learned
    if check is None:
        return
    expected = len(check.features)
    if any(len(row) != expected for row in (check.means, check.scales, check.coefficients)):
        raise SnapshotSchemaError(
            f"the learned check of {tenant.slug}/{policy.name} has {expected} features and another "
            "number of coefficients"
        )
    if not all(scale > 0 for scale in check.scales):
        raise SnapshotSchemaError(
            f"the learned check of {tenant.slug}/{policy.name} divides by a scale that is not "
            "above 0"
        )


class _SchemaVersion(Struct):
    schema_version: int


def _require_unique(what: str, values: list[str]) -> None:
    seen: set[str] = set()
    for value in values:
        if value in seen:
            raise SnapshotSchemaError(f"{what} {value!r} stands twice")
        seen.add(value)
