"""Where a call's answer may lie, and whether what lies there may still be served."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from routing import keys
from routing.active import ActiveTenant
from routing.snapshot import PolicyConfig, Scope
from routing.telemetry.events import Layer
from routing.types import Answer, Call, Entry


class Place(Struct, frozen=True):
    """The partition and entry of one call under one revision, and the policy that rules it."""

    tenant: str
    policy: PolicyConfig
    partition: str
    entry_id: str
    documents: Mapping[str, str]
    user: str
    min_similarity: float
    ttl_seconds: int


def find_place(call: Call, tenant: ActiveTenant, *, embedding_model: str) -> Place | str:
    """The place of `call`, or the reason (one word) why the cache has none for it."""
    controls = call.controls
    policy = tenant.policy(controls, model=call.model)
    if policy is None:
        return "no_policy" if controls.policy is None else "unknown_policy"
    named = (*policy.documents, *controls.documents)
    if any(slug not in tenant.versions for slug in named):
        return "unknown_document"
    if policy.scope is Scope.USER and not controls.user:
        return "user_missing"
    documents = {slug: str(tenant.versions[slug]) for slug in named}
    user = controls.user if policy.scope is Scope.USER else ""
    parts = keys.PartitionParts(
        tenant=tenant.config.uid,
        policy=policy.uid,
        protocol=call.protocol,
        context=keys.context_digest(call.context),
        model_group=tenant.model_group(call.model),
        documents=documents,
        user=user or None,
        embedding_model=embedding_model,
    )
    asked_similarity = controls.min_similarity or 0.0
    asked_ttl = controls.ttl_seconds or policy.ttl_seconds
    return Place(
        tenant=tenant.config.uid,
        policy=policy,
        partition=keys.partition_name(parts),
        entry_id=keys.entry_id(call.query),
        documents=documents,
        user=user,
        min_similarity=max(policy.min_similarity, asked_similarity),
        ttl_seconds=min(policy.ttl_seconds, asked_ttl),
    )


def refusal(entry: Entry, place: Place, *, now: float) -> str:
    """Why `entry` may not be served at `place`; empty when it may.

    The partition's name already separates all this; the entry is asked again, so that no slip in
    a key can hand one tenant's or user's answer to another. An operator who shortens the policy's
    lifetime shortens that of what is already stored.
    """
    if entry.tenant != place.tenant or entry.partition != place.partition:
        return "other_partition"
    if entry.policy != place.policy.uid or entry.user != place.user:
        return "other_scope"
    if entry.documents != place.documents:
        return "other_document_version"
    return "" if expires_at(entry, place) > now else "expired"


def expires_at(entry: Entry, place: Place) -> int:
    """Absolute expiry (epoch seconds) of `entry` under the policy in force now."""
    return min(entry.expires, entry.created + place.policy.ttl_seconds)


def answer_from(
    entry: Entry, place: Place, *, layer: Layer, similarity: float, now: float
) -> Answer:
    """`entry` as it is handed to the app."""
    return Answer(
        text=entry.answer,
        layer=layer,
        similarity=similarity,
        entry_id=f"{entry.partition}.{entry.entry_id}",
        age_seconds=max(0, int(now) - entry.created),
        ttl_seconds=max(0, expires_at(entry, place) - int(now)),
        model=entry.model,
        usage=entry.usage,
        cost_nanousd=entry.cost_nanousd,
    )
