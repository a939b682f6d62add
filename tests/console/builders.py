"""Plain builders with visible values."""

from __future__ import annotations

from datetime import datetime

from django.contrib.auth.models import User
from django.test import Client

from cache_admin.models import (
    ApiKey,
    Document,
    EventRule,
    EventSecret,
    Faq,
    HourlyRollup,
    Invalidation,
    Membership,
    NeverMergePair,
    Policy,
    Revision,
    Tenant,
)
from cache_admin.services.actor import Actor
from cache_admin.services.documents import create_document
from cache_admin.services.events import EventRuleSpec, add_event_secret, create_event_rule
from cache_admin.services.faqs import FaqSpec, create_faq
from cache_admin.services.invalidations import InvalidationSpec, request_invalidation
from cache_admin.services.keys import create_key
from cache_admin.services.matching import PairSpec, create_pair
from cache_admin.services.policies import SWITCHABLE_GUARDS, PolicySpec, create_policy
from cache_admin.services.revisions import publish

PASSWORD = "a long enough phrase"
ROBOT = Actor.system("tests")


def make_tenant(slug: str = "acme", *, name: str = "Acme") -> Tenant:
    return Tenant.objects.create(slug=slug, name=name)


def make_member(tenant: Tenant, *, role: str) -> Client:
    """A client that is logged in as a member whose name is the role."""
    user = User.objects.create_user(role, password=PASSWORD)
    Membership.objects.create(user=user, tenant=tenant, role=role)
    return logged_in(user)


def make_outsider() -> Client:
    """A client that is logged in as someone of no tenant."""
    return logged_in(User.objects.create_user("outsider", password=PASSWORD))


def make_superuser() -> Client:
    return logged_in(User.objects.create_superuser("root", password=PASSWORD))


def logged_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def make_policy(tenant: Tenant, *, name: str = "chat") -> Policy:
    spec = PolicySpec(name=name, content_class="frequent_faq")
    return create_policy(tenant=tenant, actor=ROBOT, spec=spec)


def make_faq(
    tenant: Tenant,
    *,
    question: str = "How do I pay?",
    aliases: tuple[str, ...] = (),
    answer: str = "By card.",
    language: str = "en",
    enabled: bool = True,
) -> Faq:
    spec = FaqSpec(
        question=question, aliases=aliases, answer=answer, language=language, enabled=enabled
    )
    return create_faq(tenant=tenant, actor=ROBOT, spec=spec)


def make_document(tenant: Tenant, *, slug: str = "manual") -> Document:
    return create_document(tenant=tenant, actor=ROBOT, slug=slug, title="The manual")


def make_key(tenant: Tenant, *, name: str = "web shop") -> ApiKey:
    return create_key(tenant=tenant, actor=ROBOT, name=name).key


def make_pair(
    tenant: Tenant, *, a: str = "How do I pay?", b: str = "How do I get paid?"
) -> NeverMergePair:
    return create_pair(tenant=tenant, actor=ROBOT, spec=PairSpec(a=a, b=b))


def make_event_rule(
    tenant: Tenant, *, event: str = "order_updated", tag: str = "order:{id}"
) -> EventRule:
    spec = EventRuleSpec(event=event, tag=tag)
    return create_event_rule(tenant=tenant, actor=ROBOT, spec=spec)


def make_event_secret(tenant: Tenant) -> EventSecret:
    return add_event_secret(tenant=tenant, actor=ROBOT).secret


def make_invalidation(
    tenant: Tenant, *, kind: str = "tag", target: str = "order:1"
) -> Invalidation:
    spec = InvalidationSpec(kind=kind, target=target)
    return request_invalidation(tenant=tenant, actor=ROBOT, spec=spec)


def make_revision(tenant: Tenant, *, note: str = "by hand") -> Revision:
    return publish(actor=ROBOT, tenant=tenant, note=note)


def make_rollup(
    tenant: Tenant, *, hour: datetime, layer: str = "exact", result: str = "hit", calls: int = 3
) -> HourlyRollup:
    return HourlyRollup.objects.create(
        tenant=tenant,
        hour=hour,
        policy="chat",
        layer=layer,
        result=result,
        calls=calls,
        cost_nanousd=1_000_000,
        avoided_nanousd=2_000_000,
    )


def policy_input(**changed: object) -> dict[str, object]:
    """What a browser sends for a policy, with `changed` values."""
    return {
        "name": "chat",
        "content_class": "frequent_faq",
        "min_similarity": "0.79",
        "min_margin": "0.05",
        "ttl_seconds_0": "1",
        "ttl_seconds_1": "h",
        "scope": "tenant",
        "match_endpoints": "",
        "match_tags": "",
        "match_models": "",
        "priority": "0",
        "enabled": "on",
        "guards": [guard.value for guard in SWITCHABLE_GUARDS],
        "faqs": "on",
        "context_system_prompt": "on",
        "context_tools": "on",
        "context_response_format": "on",
        "context_attachments": "on",
        "context_parameters": "on",
        "context_language": "on",
        "context_conversation": "fingerprint",
        "context_last_turns": "2",
        "store_valid_json": "on",
        "store_min_chars": "1",
        "store_max_chars": "100000",
        "store_personal_data": "user_scope_only",
        "store_volatile": "route",
        "jitter": "0",
        "stale_seconds_0": "",
        "stale_seconds_1": "h",
        "stale_if_error_seconds_0": "",
        "stale_if_error_seconds_1": "h",
        "single_flight": "on",
        **changed,
    }


def faq_input(**changed: object) -> dict[str, object]:
    """What a browser sends for an FAQ, with `changed` values."""
    return {
        "question": "How do I pay?",
        "aliases": "",
        "answer": "By card.",
        "language": "en",
        "owner": "",
        "review_on": "",
        "enabled": "on",
        **changed,
    }
