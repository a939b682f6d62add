"""Bringing in what is known by what it says: pairs, event rules, words and limits."""

from __future__ import annotations

from cache_admin.models import EventRule, NeverMergePair, Tenant
from cache_admin.services.actor import Actor
from cache_admin.services.events import EventRuleSpec, create_event_rule, update_event_rule
from cache_admin.services.limits import LimitsSpec, update_limits
from cache_admin.services.matching import (
    LexiconSpec,
    PairSpec,
    create_pair,
    pair_digest,
    update_lexicon,
    update_pair,
)
from cache_admin.services.portable_format import PortableTenant
from routing.snapshot import EventRule as EventRuleConfig
from routing.snapshot import NeverMerge


def import_rules(tenant: Tenant, item: PortableTenant, *, actor: Actor) -> None:
    """Give `tenant` what `item` has of these; words and limits only when the file names them.

    Raises InvalidInput, or NotAllowed when there are too many.
    """
    for pair in item.never_merge:
        _import_pair(tenant, pair, actor)
    for rule in item.event_rules:
        _import_event_rule(tenant, rule, actor)
    if (words := item.lexicon) is not None:
        lexicon = LexiconSpec(opposites=words.opposites, alike=words.alike, apart=words.apart)
        update_lexicon(tenant=tenant, actor=actor, spec=lexicon, expected_version=None)
    if item.limits is not None:
        limits = LimitsSpec(
            item.limits.max_entries, item.limits.max_bytes, item.limits.eviction.value
        )
        update_limits(tenant=tenant, actor=actor, spec=limits, expected_version=None)


def _import_pair(tenant: Tenant, item: NeverMerge, actor: Actor) -> None:
    digest = pair_digest(item.a, item.b, language=tenant.language)
    row = NeverMergePair.objects.for_tenant(tenant).filter(digest=digest).first()
    spec = PairSpec(a=item.a, b=item.b)
    if row is None:
        create_pair(tenant=tenant, actor=actor, spec=spec)
    else:
        update_pair(pair=row, actor=actor, spec=spec, expected_version=None)


def _import_event_rule(tenant: Tenant, item: EventRuleConfig, actor: Actor) -> None:
    spec = EventRuleSpec(event=item.event, tag=item.tag)
    rows = EventRule.objects.for_tenant(tenant)
    row = rows.filter(event=item.event, tag=item.tag).first()
    if row is None:
        create_event_rule(tenant=tenant, actor=actor, spec=spec)
    else:
        update_event_rule(rule=row, actor=actor, spec=spec, expected_version=None)
