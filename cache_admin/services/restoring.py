"""Bringing the content of an old snapshot back into the rows.

Rows are matched by uid. What the old content has comes back as it was, deleted things included, and
what was created since is disabled, never deleted. These stay as they are, whatever the old content
says:

- keys, provider credentials and secrets of events: a revoked key must not come back to life;
- prices and document versions: facts about the world outside, not decisions of operators. Going
  back does not make an outdated text true again, so its answers must not be found again;
- generations: what was cleared by hand must not be found again either;
- what a policy has learned, when the old content has another embedding model than the tenant: by
  that one's similarities it would let wrong answers through;
- members, names, owners and review dates, which are no part of a snapshot;
- whether a tenant is enabled, its main language and its embedding model, when only that tenant is
  restored: those are its owner's to decide, and an operator may roll back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar

from django.db.models import Value
from django.db.models.functions import Concat
from msgspec.structs import asdict
from msgspec.structs import replace as replace_fields

from cache_admin.mappers import (
    map_faq,
    map_policy,
    map_route,
    put_document,
    put_faq,
    put_policy,
    put_route,
    put_tenant,
    read_aliases,
)
from cache_admin.models import Document, DocumentVersion, Faq, FaqPhrase, ModelRoute, Policy, Tenant
from cache_admin.services.faqs import phrases_of, write_phrases
from cache_admin.services.publishing import Journal
from cache_admin.services.restoring_rules import restore_rules
from cache_admin.services.validation import validated
from routing.snapshot import (
    DocumentConfig,
    FaqConfig,
    PolicyConfig,
    RouteConfig,
    Snapshot,
    TenantConfig,
)

RowT = TypeVar("RowT", Policy, Faq, ModelRoute)
ConfigT = TypeVar("ConfigT", PolicyConfig, FaqConfig, RouteConfig)

_OWN_NAME = Concat(Value("restoring-"), "uid")


@dataclass(frozen=True, slots=True)
class _Kind(Generic[RowT, ConfigT]):
    """One kind of things that a tenant has, and how it is restored.

    `rows` are those there are, by uid; `make` a new one; `write` saves a row as a config says.
    `label` is an attribute of which a tenant has each value once, empty when there is none.
    `release` lets go of what only one row may have, for the rows with these primary keys: it may
    have changed hands since, and none must stand in another's way.
    """

    name: str
    rows: Mapping[str, RowT]
    make: Callable[..., RowT]
    read: Callable[[RowT], ConfigT]
    write: Callable[[ConfigT, RowT], None]
    label: str
    release: Callable[[Sequence[int]], object]


def restore_snapshot(
    snapshot: Snapshot, *, only: Tenant | None, journal: Journal, above: int
) -> None:
    """Make the rows say what `snapshot` says, for one tenant or for all.

    Tenants created since are disabled when all are restored. Rows that are made anew begin with a
    version greater than `above`, which no row's version ever was: whoever still holds a deleted
    row's version must not overwrite it. Needs the turn "publish". Raises Conflict when old
    phrasings have become one by today's rules of comparison.
    """
    old = {config.uid: config for config in snapshot.tenants}
    tenants = Tenant.objects.order_by("pk")
    for tenant in tenants.filter(pk=only.pk) if only is not None else tenants:
        own = replace(journal, tenant=tenant)
        config = old.get(tenant.uid)
        if only is None:
            _restore_switches(tenant, config, own)
        if config is not None:
            _restore_parts(tenant, config, journal=own, above=above)


def _restore_switches(tenant: Tenant, config: TenantConfig | None, journal: Journal) -> None:
    before = _switches(tenant)
    if config is None:
        tenant.enabled = False
    else:
        put_tenant(config, tenant)
    after = _switches(tenant)
    if before != after:
        tenant.version += 1
        tenant.save()
        journal.record("tenant.restored", target=tenant, before=before, after=after)


def _switches(tenant: Tenant) -> dict[str, object]:
    return {
        "language": tenant.language,
        "enabled": tenant.enabled,
        "embedding_model": tenant.embedding_model,
    }


def _restore_parts(tenant: Tenant, config: TenantConfig, *, journal: Journal, above: int) -> None:
    documents = _restore_documents(tenant, config.documents, journal=journal, above=above)
    policies = _policies(tenant, documents)
    same_model = config.embedding_model == tenant.embedding_model
    configs = [
        _with_what_stays(item, policies.rows.get(item.uid), above=above, same_model=same_model)
        for item in config.policies
    ]
    _restore(policies, configs, journal=journal, above=above)
    _restore(_faqs(tenant), config.faqs, journal=journal, above=above)
    _restore(_routes(tenant), config.routes, journal=journal, above=above)
    restore_rules(tenant, config, journal=journal, above=above)


def _with_what_stays(
    config: PolicyConfig, row: Policy | None, *, above: int, same_model: bool
) -> PolicyConfig:
    # No policy ever had a generation above the last audit entry: each rise left one.
    generation = row.generation if row else above + 1
    if same_model:
        return replace_fields(config, generation=generation)
    learned = map_policy(row).learned if row else None
    return replace_fields(config, generation=generation, learned=learned)


def _restore_documents(
    tenant: Tenant, configs: Iterable[DocumentConfig], *, journal: Journal, above: int
) -> Mapping[str, Document]:
    """The tenant's documents by slug; those that are gone are made anew."""
    documents = {row.slug: row for row in tenant.documents.all()}
    for config in configs:
        if config.slug in documents:
            continue
        row = Document(tenant=tenant, uid=config.uid, title=config.slug, version=above + 1)
        validated(put_document(config, row)).save()
        DocumentVersion.objects.create(document=row, number=config.version)
        journal.record("document.restored", target=row, after=asdict(config))
        documents[row.slug] = row
    return documents


def _policies(tenant: Tenant, documents: Mapping[str, Document]) -> _Kind[Policy, PolicyConfig]:
    def write(config: PolicyConfig, row: Policy) -> None:
        row.generation = config.generation
        validated(put_policy(config, row)).save()
        row.documents.set([documents[slug] for slug in config.documents])

    return _Kind(
        name="policy",
        rows={row.uid: row for row in tenant.policies.prefetch_related("documents")},
        make=Policy,
        read=map_policy,
        write=write,
        label="name",
        release=lambda keys: tenant.policies.filter(pk__in=keys).update(name=_OWN_NAME),
    )


def _faqs(tenant: Tenant) -> _Kind[Faq, FaqConfig]:
    aliases = read_aliases([tenant])

    def write(config: FaqConfig, row: Faq) -> None:
        phrases = phrases_of(
            question=config.question, aliases=config.aliases, language=config.language
        )
        validated(put_faq(config, row)).save()
        write_phrases(row, phrases)

    return _Kind(
        name="faq",
        rows={row.uid: row for row in tenant.faqs.all()},
        make=Faq,
        read=lambda row: map_faq(row, aliases.get(row.pk, ())),
        write=write,
        label="",
        release=lambda keys: FaqPhrase.objects.filter(faq__in=keys).update(enabled=False),
    )


def _routes(tenant: Tenant) -> _Kind[ModelRoute, RouteConfig]:
    return _Kind(
        name="route",
        rows={row.uid: row for row in tenant.routes.all()},
        make=ModelRoute,
        read=map_route,
        write=lambda config, row: validated(put_route(config, row)).save(),
        label="model",
        release=lambda keys: tenant.routes.filter(pk__in=keys).update(model=_OWN_NAME),
    )


def _restore(
    kind: _Kind[RowT, ConfigT], configs: Iterable[ConfigT], *, journal: Journal, above: int
) -> None:
    wanted = {config.uid: config for config in configs}
    before = {uid: kind.read(row) for uid, row in kind.rows.items()}
    aside: list[RowT] = list(_set_aside(kind, wanted))
    changed = [config for uid, config in wanted.items() if before.get(uid) != config]
    touched = {row.uid for row in aside} | {config.uid for config in changed}
    kind.release([row.pk for uid, row in kind.rows.items() if uid in touched])
    for row in aside:
        row.version += 1
        row.save()
        was, now = asdict(before[row.uid]), asdict(kind.read(row))
        journal.record(f"{kind.name}.disabled", target=row, before=was, after=now)
    for config in changed:
        row = kind.rows.get(config.uid) or kind.make(
            tenant=journal.tenant, uid=config.uid, version=above
        )
        row.version += 1
        kind.write(config, row)
        journal.record(
            f"{kind.name}.restored",
            target=row,
            before=asdict(before[row.uid]) if row.uid in before else {},
            after=asdict(config),
        )


def _set_aside(kind: _Kind[RowT, ConfigT], wanted: Mapping[str, ConfigT]) -> Iterator[RowT]:
    """The rows created since, disabled and out of the way, but not yet saved."""
    labels: set[Any] = {getattr(config, kind.label, None) for config in wanted.values()}
    for row in kind.rows.values():
        if row.uid in wanted:
            continue
        before = kind.read(row)
        row.enabled = False
        if kind.label and (label := getattr(row, kind.label)) in labels:
            setattr(row, kind.label, f"{label[:40]}-{row.uid}")
        if kind.read(row) != before:
            yield row
