"""The demo tenant: a shop's support chat, enough to see every layer at work."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field, replace
from pathlib import Path

import msgspec
from django.contrib.auth.models import User
from msgspec import Struct

from cache_admin.models import ApiKey, Policy, Role, Tenant
from cache_admin.services.actor import Actor
from cache_admin.services.documents import create_document
from cache_admin.services.events import EventRuleSpec, create_event_rule
from cache_admin.services.faqs import FaqSpec, create_faq
from cache_admin.services.keys import create_key
from cache_admin.services.matching import LexiconSpec, PairSpec, create_pair, update_lexicon
from cache_admin.services.members import set_member
from cache_admin.services.policies import spec_of, update_policy
from cache_admin.services.publishing import change
from cache_admin.services.revisions import publish
from cache_admin.services.tenants import create_tenant
from routing.snapshot import EventRule, LexiconConfig, NeverMerge

USERNAME = "admin"
_FILE = Path(__file__).resolve().parent.parent / "data" / "demo.json"
_KEY_NAME = "demo app"
_PASSWORD_BYTES = 12


class _DemoTenant(Struct, frozen=True):
    slug: str
    name: str
    language: str


class _DemoDocument(Struct, frozen=True):
    slug: str
    title: str
    policies: tuple[str, ...]


class _DemoFaq(Struct, frozen=True):
    language: str
    question: str
    answer: str
    aliases: tuple[str, ...]


class _Demo(Struct, frozen=True):
    tenant: _DemoTenant
    documents: tuple[_DemoDocument, ...]
    faqs: tuple[_DemoFaq, ...]
    never_merge: tuple[NeverMerge, ...]
    lexicon: LexiconConfig
    event_rules: tuple[EventRule, ...]


@dataclass(frozen=True, slots=True)
class Seeded:
    """What was seeded; password and key text only when this run made them."""

    tenant: str
    username: str
    password: str | None = field(default=None, repr=False)
    app_key: str | None = field(default=None, repr=False)


def seed_demo(*, password: str = "") -> Seeded:
    """Make the demo tenant, an administrator and an app key, each unless it is there.

    What an operator has changed since is left alone. `password` is for a new administrator; a
    random one is made when it is empty. Ends with a revision that Redis can hold.
    """
    demo = msgspec.json.decode(_FILE.read_bytes(), type=_Demo)
    actor = Actor.system("seed_demo")
    user, new_password = _admin(password)
    app_key = None
    with change(actor=actor, tenant=None, note="Demo tenant"):
        tenant = Tenant.objects.filter(slug=demo.tenant.slug).first()
        if tenant is None:
            tenant = _demo_tenant(demo, actor)
        if not tenant.memberships.filter(user=user).exists():
            set_member(tenant=tenant, actor=actor, user=user, role=Role.OWNER.value)
        if not ApiKey.objects.for_tenant(tenant).filter(name=_KEY_NAME).exists():
            app_key = create_key(tenant=tenant, actor=actor, name=_KEY_NAME).text
    publish(actor=actor, note="Demo tenant")
    return Seeded(tenant.slug, user.get_username(), new_password, app_key)


def _admin(password: str) -> tuple[User, str | None]:
    """The administrator, and the password if the account is new."""
    user = User.objects.filter(username=USERNAME).first()
    if user is not None:
        return user, None
    password = password or secrets.token_urlsafe(_PASSWORD_BYTES)
    return User.objects.create_superuser(USERNAME, password=password), password


def _demo_tenant(demo: _Demo, actor: Actor) -> Tenant:
    tenant = create_tenant(
        actor=actor,
        slug=demo.tenant.slug,
        name=demo.tenant.name,
        language=demo.tenant.language,
    )
    for document in demo.documents:
        create_document(tenant=tenant, actor=actor, slug=document.slug, title=document.title)
        for policy in Policy.objects.for_tenant(tenant).filter(name__in=document.policies):
            attached = replace(spec_of(policy), documents=(document.slug,))
            update_policy(policy=policy, actor=actor, spec=attached, expected_version=None)
    for faq in demo.faqs:
        spec = FaqSpec(
            question=faq.question, answer=faq.answer, aliases=faq.aliases, language=faq.language
        )
        create_faq(tenant=tenant, actor=actor, spec=spec)
    _add_rules(demo, tenant, actor)
    return tenant


def _add_rules(demo: _Demo, tenant: Tenant, actor: Actor) -> None:
    for pair in demo.never_merge:
        create_pair(tenant=tenant, actor=actor, spec=PairSpec(a=pair.a, b=pair.b))
    words = demo.lexicon
    lexicon = LexiconSpec(opposites=words.opposites, alike=words.alike, apart=words.apart)
    update_lexicon(tenant=tenant, actor=actor, spec=lexicon, expected_version=None)
    for rule in demo.event_rules:
        spec = EventRuleSpec(event=rule.event, tag=rule.tag)
        create_event_rule(tenant=tenant, actor=actor, spec=spec)
