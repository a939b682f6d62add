"""Plain builders with visible values."""

from __future__ import annotations

from datetime import timedelta

from django.contrib.auth.models import User
from django.utils import timezone

from cache_admin.models import Document, EventRule, Faq, NeverMergePair, Policy, Tenant
from cache_admin.services.actor import Actor
from cache_admin.services.documents import create_document
from cache_admin.services.events import EventRuleSpec, create_event_rule
from cache_admin.services.faqs import FaqSpec, create_faq
from cache_admin.services.matching import PairSpec, create_pair
from cache_admin.services.policies import PolicySpec, create_policy
from routing.prices import Usage
from routing.snapshot import Heartbeat
from routing.telemetry.events import Avoided, Event, Stages, new_event_id

ROBOT = Actor.system("tests")
NOON_MS = 1_767_268_800_000
"""2026-01-01 12:00 UTC"""


def make_user(name: str = "owner") -> User:
    return User.objects.create_user(name, password="a long enough phrase")


def make_policy(tenant: Tenant, *, name: str = "chat", ttl_seconds: int = 600) -> Policy:
    spec = PolicySpec(name=name, content_class="frequent_faq", ttl_seconds=ttl_seconds)
    return create_policy(tenant=tenant, actor=ROBOT, spec=spec)


def make_faq(
    tenant: Tenant,
    *,
    question: str = "How do I pay?",
    answer: str = "By card.",
    aliases: tuple[str, ...] = (),
) -> Faq:
    spec = FaqSpec(question=question, answer=answer, aliases=aliases)
    return create_faq(tenant=tenant, actor=ROBOT, spec=spec)


def make_document(tenant: Tenant, *, slug: str = "manual") -> Document:
    return create_document(tenant=tenant, actor=ROBOT, slug=slug, title="The manual")


def make_pair(
    tenant: Tenant, *, a: str = "How do I pay?", b: str = "How do I get paid?"
) -> NeverMergePair:
    return create_pair(tenant=tenant, actor=ROBOT, spec=PairSpec(a=a, b=b))


def make_event_rule(
    tenant: Tenant, *, event: str = "order_updated", tag: str = "order:{id}"
) -> EventRule:
    spec = EventRuleSpec(event=event, tag=tag)
    return create_event_rule(tenant=tenant, actor=ROBOT, spec=spec)


def make_heartbeat(
    *, revision: int = 1, age: timedelta = timedelta(), error: str | None = None
) -> Heartbeat:
    """The word of runtime-1, said `age` ago."""
    at = timezone.now() - age
    return Heartbeat(
        instance="runtime-1",
        version="0.1.0",
        revision=revision,
        at=at,
        started_at=at,
        embedding_model="all-MiniLM-L6-v2@abc",
        redis_ok=True,
        events_spooled=0,
        error=error,
    )


def make_event(
    tenant: str,
    *,
    event_id: str = "",
    time_ms: int = NOON_MS,
    layer: str = "none",
    result: str = "miss",
    endpoint: str = "chat",
    status: int = 200,
) -> Event:
    """A call of 1,000 input and 100 output tokens that cost 350,000 nano-USD."""
    return Event(
        id=event_id or new_event_id(),
        time_ms=time_ms,
        tenant=tenant,
        key="key2345234523452",
        protocol="chat",
        layer=layer,  # type: ignore[arg-type]  # the tests also say what no runtime would
        result=result,  # type: ignore[arg-type]
        status=status,
        revision=1,
        policy="frequent-faq",
        endpoint=endpoint,
        model_asked="gpt-4o-mini",
        model_used="gpt-4o-mini",
        provider="openai",
        usage=Usage(input_tokens=1_000, output_tokens=100),
        cost_nanousd=350_000,
        avoided_nanousd=Avoided(prompt_cache=1_000),
        stages_us=Stages(total=5_000, lookup=900),
    )
