"""Where a call's answer may lie, and whether what lies there may still be served."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import lru_cache

from msgspec import Struct
from msgspec.structs import replace

from routing import keys
from routing.active import TENANT, ActiveTenant, policy_name
from routing.cacheability import VolatileKind, policy_for_volatile, volatile_kind
from routing.follow_up import is_follow_up
from routing.guards.comparison import Lexicon
from routing.language import detect_language
from routing.snapshot import ContextRule, Conversation, PolicyConfig, Scope
from routing.telemetry.events import Layer
from routing.types import Answer, Call, Context, Entry

RENEWABLE = "stale"
"""Past its lifetime, but to be served once more while it is renewed."""

LAST_RESORT = "stale_if_error"
"""Past its lifetime; better than nothing when the provider fails."""


_REMEMBERED_CHARS = 2_000
"""What is asked again and again is read once; long texts are not, and would fill the memory."""

_DIGITS = 8
_PARTS = 1 << 4 * _DIGITS
"""Of an entry's name so many hexadecimal digits are read, which have so many values."""

_remembered_language = lru_cache(maxsize=4_096)(detect_language)
_remembered_kind = lru_cache(maxsize=4_096)(volatile_kind)


class Place(Struct, frozen=True):
    """The partition and entry of one call under one revision, and the policy that rules it.

    `context` is what the policy counts of the call's.
    """

    tenant: str
    policy: PolicyConfig
    partition: str
    entry_id: str
    documents: Mapping[str, str]
    rests_on: Mapping[str, str]
    user: str
    embedding_model: str
    min_similarity: float
    ttl_seconds: int
    lexicon: Lexicon = Lexicon()
    context: Context = Context()
    base: str = ""


def find_place(call: Call, tenant: ActiveTenant, *, embedding_model: str) -> Place | str:
    """The place of `call`, or the reason (one word) why the cache has none for it."""
    controls = call.controls
    chosen = tenant.policy(controls, model=call.model)
    if chosen is None:
        return "no_policy" if controls.policy is None else "unknown_policy"
    language = language_of(call, tenant)
    policy = policy_for_volatile(
        _kind_of(call.query, language),
        chosen=chosen,
        policies=tenant.policies,
        user=controls.user,
    )
    if policy is None:
        return "volatile"
    policy = _as_renewable(policy, call)
    # A question that was sent on keeps what the policy it came from rests on.
    named = (*chosen.documents, *policy.documents, *controls.documents)
    if any(slug not in tenant.versions for slug in named):
        return "unknown_document"
    if policy.scope is Scope.USER and not controls.user:
        return "user_missing"
    documents = {slug: str(tenant.versions[slug]) for slug in named}
    rests_on = documents | {
        name: str(tenant.generations[name]) for name in (TENANT, policy_name(policy.uid))
    }
    user = controls.user if policy.scope is Scope.USER else ""
    rule = _rule_for(call, _stricter(policy.context, chosen.context), language=language)
    context = keys.counted(call.context, rule)
    parts = keys.PartitionParts(
        tenant=tenant.config.uid,
        policy=policy.uid,
        protocol=call.protocol,
        context=keys.context_digest(context),
        model_group=tenant.model_group(call.model),
        rests_on=rests_on,
        user=user or None,
        language=language if rule.language else "",
        embedding_model=embedding_model,
    )
    base = keys.base_name(parts)
    entry_id = keys.entry_id(call.query)
    return Place(
        tenant=tenant.config.uid,
        policy=policy,
        partition=keys.partition_under(base, embedding_model),
        entry_id=entry_id,
        documents=documents,
        rests_on=rests_on,
        user=user,
        embedding_model=embedding_model,
        min_similarity=max(policy.min_similarity, controls.min_similarity or 0.0),
        ttl_seconds=_lifetime(policy, asked=controls.ttl_seconds, entry_id=entry_id),
        lexicon=tenant.lexicon,
        context=context,
        base=base,
    )


def _as_renewable(policy: PolicyConfig, call: Call) -> PolicyConfig:
    """`policy`, without stale answers where nobody would renew them: what the app asks its own
    model, it can only be told to ask again."""
    if call.protocol == "cache_api" and policy.stale_seconds:
        return replace(policy, stale_seconds=0)
    return policy


def _rule_for(call: Call, rule: ContextRule, *, language: str) -> ContextRule:
    """`rule`, with the conversation where the question means nothing without it."""
    ignored = rule.conversation is Conversation.NONE and call.context.turns
    if ignored and is_follow_up(call.query, language=language):
        return replace(rule, conversation=Conversation.FINGERPRINT)
    return rule


def _stricter(one: ContextRule, other: ContextRule) -> ContextRule:
    """What either of two rules counts."""
    if one == other:
        return one
    conversation, last_turns = Conversation.NONE, 1
    rules = [rule for rule in (one, other) if rule.conversation is not Conversation.NONE]
    if any(rule.conversation is Conversation.FINGERPRINT for rule in rules):
        conversation = Conversation.FINGERPRINT
    elif rules:
        conversation = Conversation.LAST_TURNS
        last_turns = max(rule.last_turns for rule in rules)
    return ContextRule(
        system_prompt=one.system_prompt or other.system_prompt,
        tools=one.tools or other.tools,
        response_format=one.response_format or other.response_format,
        attachments=one.attachments or other.attachments,
        parameters=one.parameters or other.parameters,
        conversation=conversation,
        last_turns=last_turns,
        language=one.language or other.language,
    )


def _lifetime(policy: PolicyConfig, *, asked: int | None, entry_id: str) -> int:
    """Seconds that an answer may live: no more than the policy says, or the app, less the jitter.

    By how much less is told by the entry's name, which is a digest and spreads evenly.
    """
    longest = min(policy.ttl_seconds, asked or policy.ttl_seconds)
    if not policy.jitter:
        return longest
    share = int(entry_id[:_DIGITS], 16) / _PARTS
    return max(1, math.ceil(longest * (1 - policy.jitter * share)))


def language_of(call: Call, tenant: ActiveTenant) -> str:
    """The language of the question: as the app says, else as it reads, else the tenant's own."""
    short = len(call.query) <= _REMEMBERED_CHARS
    detect = _remembered_language if short else detect_language
    return call.controls.language or detect(call.query) or tenant.config.language


def _kind_of(query: str, language: str) -> VolatileKind:
    kind = _remembered_kind if len(query) <= _REMEMBERED_CHARS else volatile_kind
    return kind(query, language)


def refusal(entry: Entry, place: Place, *, now: float) -> str:
    """Why `entry` may not be served at `place`; empty when it may.

    The partition's name already separates all this; the entry is asked again, so that no slip in
    a key can hand one tenant's or user's answer to another. An operator who shortens the policy's
    lifetime shortens that of what is already stored. `RENEWABLE` and `LAST_RESORT` refuse an entry
    only as a fresh answer.
    """
    if entry.tenant != place.tenant or entry.partition != place.partition:
        return "other_partition"
    if entry.policy != place.policy.uid or entry.user != place.user:
        return "other_scope"
    if entry.documents != place.documents:
        return "other_document_version"
    late = now - expires_at(entry, place)
    if late < 0:
        return ""
    if late < min(place.policy.stale_seconds, entry.grace_seconds):
        return RENEWABLE
    if late < min(place.policy.stale_if_error_seconds, entry.grace_seconds):
        return LAST_RESORT
    return "expired"


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
        ttl_seconds=math.floor(expires_at(entry, place) - now),
        model=entry.model,
        usage=entry.usage,
        cost_nanousd=entry.cost_nanousd,
        message=entry.message,
        group=entry.group,
    )
