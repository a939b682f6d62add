"""Bringing back what has no identity in a snapshot: pairs, event rules, words and limits.

Pairs and rules are matched by what they say; what was added since is switched off, never deleted.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Generic, TypeVar

from cache_admin.models import EventRule, NeverMergePair, Tenant
from cache_admin.services.events import EventRuleSpec, event_rule_spec_of, write_event_rule
from cache_admin.services.limits import LimitsSpec, limits_of, limits_spec_of, write_limits
from cache_admin.services.matching import (
    LexiconSpec,
    PairSpec,
    lexicon_of,
    lexicon_spec_of,
    pair_digest,
    pair_spec_of,
    write_lexicon,
    write_pair,
)
from cache_admin.services.publishing import Journal
from routing.snapshot import TenantConfig

RowT = TypeVar("RowT", NeverMergePair, EventRule)
SpecT = TypeVar("SpecT", PairSpec, EventRuleSpec)


@dataclass(frozen=True, slots=True)
class _Switched(Generic[RowT, SpecT]):
    """One kind of things that can be switched off, its rows by what they say."""

    name: str
    rows: Mapping[Any, RowT]
    make: Callable[..., RowT]
    read: Callable[[RowT], SpecT]
    write: Callable[[RowT, SpecT], None]


def restore_rules(tenant: Tenant, config: TenantConfig, *, journal: Journal, above: int) -> None:
    """Make the tenant's pairs, event rules, words and limits those of `config`.

    Rows that are made anew begin with a version greater than `above`. Needs the turn "publish".
    """
    pairs = {
        _pair_key(tenant, pair.a, pair.b): PairSpec(a=pair.a, b=pair.b)
        for pair in config.never_merge
    }
    _restore(_pairs(tenant), pairs, journal=journal, above=above)
    rules = {
        (rule.event, rule.tag): EventRuleSpec(event=rule.event, tag=rule.tag)
        for rule in config.event_rules
    }
    _restore(_rules(tenant), rules, journal=journal, above=above)
    words, limits = config.lexicon, config.limits
    _restore_lexicon(
        tenant,
        LexiconSpec(opposites=words.opposites, alike=words.alike, apart=words.apart),
        journal=journal,
    )
    _restore_limits(
        tenant,
        LimitsSpec(limits.max_entries, limits.max_bytes, limits.eviction.value),
        journal=journal,
    )


def _restore_lexicon(tenant: Tenant, spec: LexiconSpec, *, journal: Journal) -> None:
    row = lexicon_of(tenant)
    before = lexicon_spec_of(row)
    if before != spec:
        row.version += 1
        write_lexicon(row, spec)
        journal.record("lexicon.restored", target=row, before=asdict(before), after=asdict(spec))


def _restore_limits(tenant: Tenant, spec: LimitsSpec, *, journal: Journal) -> None:
    row = limits_of(tenant)
    before = limits_spec_of(row)
    if before != spec:
        row.version += 1
        write_limits(row, spec)
        journal.record("limits.restored", target=row, before=asdict(before), after=asdict(spec))


def _pairs(tenant: Tenant) -> _Switched[NeverMergePair, PairSpec]:
    return _Switched(
        name="never_merge",
        rows={_pair_key(tenant, row.a, row.b): row for row in tenant.never_merge.all()},
        make=NeverMergePair,
        read=pair_spec_of,
        write=write_pair,
    )


def _pair_key(tenant: Tenant, a: str, b: str) -> str:
    return pair_digest(a, b, language=tenant.language)


def _rules(tenant: Tenant) -> _Switched[EventRule, EventRuleSpec]:
    return _Switched(
        name="event_rule",
        rows={(row.event, row.tag): row for row in tenant.event_rules.all()},
        make=EventRule,
        read=event_rule_spec_of,
        write=write_event_rule,
    )


def _restore(
    kind: _Switched[RowT, SpecT], wanted: Mapping[Any, SpecT], *, journal: Journal, above: int
) -> None:
    for key, row in kind.rows.items():
        before = kind.read(row)
        after = wanted.get(key) or replace(before, enabled=False)
        if before == after:
            continue
        row.version += 1
        kind.write(row, after)
        verb = "restored" if key in wanted else "disabled"
        journal.record(
            f"{kind.name}.{verb}", target=row, before=asdict(before), after=asdict(after)
        )
    for key, spec in wanted.items():
        if key not in kind.rows:
            row = kind.make(tenant=journal.tenant, version=above + 1)
            kind.write(row, spec)
            journal.record(f"{kind.name}.restored", target=row, after=asdict(spec))
