"""Bringing the content of an old snapshot back into the rows.

Rows are matched by uid. What the old content has comes back as it was, deleted things included, and
what was created since is disabled, never deleted. These stay as they are, whatever the old content
says:

- keys and provider credentials: a revoked key must not come back to life;
- prices and document versions: facts about the world outside, not decisions of operators. Going
  back does not make an outdated text true again, so its answers must not be found again;
- members, names, owners and review dates, which are no part of a snapshot;
- whether a tenant is enabled, and its main language, when only that tenant is restored: those are
  its owner's to decide, and an operator may roll back.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TypeVar

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
    texts_of,
)
from cache_admin.models import Document, DocumentVersion, Faq, FaqPhrase, ModelRoute, Policy, Tenant
from cache_admin.services.faqs import Phrase, phrases_of, write_phrases
from cache_admin.services.publishing import Journal
from cache_admin.services.validation import validated
from routing.snapshot import (
    DocumentConfig,
    FaqConfig,
    PolicyConfig,
    RouteConfig,
    Snapshot,
    TenantConfig,
)

SwitchT = TypeVar("SwitchT", Policy, Faq, ModelRoute)


def restore_snapshot(snapshot: Snapshot, *, only: Tenant | None, journal: Journal) -> None:
    """Make the rows say what `snapshot` says, for one tenant or for all.

    Tenants created since are disabled when all are restored. Needs the turn "publish". Raises
    Conflict when old phrasings have become one by today's rules of comparison.
    """
    old = {config.uid: config for config in snapshot.tenants}
    tenants = Tenant.objects.order_by("pk")
    for tenant in tenants.filter(pk=only.pk) if only is not None else tenants:
        config = old.get(tenant.uid)
        if only is None:
            _restore_switches(tenant, config, journal)
        if config is not None:
            _restore_parts(tenant, config)


def _restore_switches(tenant: Tenant, config: TenantConfig | None, journal: Journal) -> None:
    before = {"language": tenant.language, "enabled": tenant.enabled}
    if config is None:
        tenant.enabled = False
    else:
        put_tenant(config, tenant)
    after = {"language": tenant.language, "enabled": tenant.enabled}
    if before != after:
        tenant.version += 1
        tenant.save()
        journal.record("tenant.restored", target=tenant, before=before, after=after)


def _restore_parts(tenant: Tenant, config: TenantConfig) -> None:
    documents = _restore_documents(tenant, config.documents)
    _restore_policies(tenant, config.policies, documents)
    _restore_faqs(tenant, config.faqs)
    _restore_routes(tenant, config.routes)


def _restore_documents(tenant: Tenant, configs: Iterable[DocumentConfig]) -> Mapping[str, Document]:
    """The tenant's documents by slug; those that are gone are made anew."""
    documents = {row.slug: row for row in tenant.documents.all()}
    for config in configs:
        if config.slug in documents:
            continue
        row = put_document(config, Document(tenant=tenant, uid=config.uid, title=config.slug))
        validated(row).save()
        DocumentVersion.objects.create(document=row, number=config.version)
        documents[row.slug] = row
    return documents


def _restore_policies(
    tenant: Tenant, configs: Iterable[PolicyConfig], documents: Mapping[str, Document]
) -> None:
    wanted = {config.uid: config for config in configs}
    rows = {row.uid: row for row in tenant.policies.prefetch_related("documents")}
    names = {config.name for config in wanted.values()}
    for row in _put_aside(rows, wanted):
        if row.name in names:
            row.name = _other_name(row.name, row.uid)
        row.save()
    changed = [
        config
        for uid, config in wanted.items()
        if uid not in rows or map_policy(rows[uid]) != config
    ]
    _free_names(rows[config.uid] for config in changed if config.uid in rows)
    for config in changed:
        row = put_policy(config, rows.get(config.uid) or Policy(tenant=tenant, uid=config.uid))
        row.version += 1
        validated(row).save()
        row.documents.set([documents[slug] for slug in config.documents])


def _restore_faqs(tenant: Tenant, configs: Iterable[FaqConfig]) -> None:
    wanted = {config.uid: config for config in configs}
    rows = {row.uid: row for row in tenant.faqs.all()}
    aliases = read_aliases([tenant])
    for row in _put_aside(rows, wanted):
        row.save()
        row.phrases.update(enabled=False)
    changed = [
        config
        for uid, config in wanted.items()
        if uid not in rows or map_faq(rows[uid], aliases.get(rows[uid].pk, ())) != config
    ]
    phrases = {config.uid: _phrases(config) for config in changed}
    # Two FAQs may have swapped phrasings since; neither must stand in the other's way.
    FaqPhrase.objects.filter(faq__uid__in=phrases).update(enabled=False)
    for config in changed:
        row = put_faq(config, rows.get(config.uid) or Faq(tenant=tenant, uid=config.uid))
        row.version += 1
        validated(row).save()
        write_phrases(row, phrases[config.uid])


def _restore_routes(tenant: Tenant, configs: Iterable[RouteConfig]) -> None:
    wanted = {config.uid: config for config in configs}
    rows = {row.uid: row for row in tenant.routes.all()}
    models = {config.model for config in wanted.values()}
    for row in _put_aside(rows, wanted):
        if row.model in models:
            row.model = _other_name(row.model, row.uid)
        row.save()
    for uid, config in wanted.items():
        if uid in rows and map_route(rows[uid]) == config:
            continue
        row = put_route(config, rows.get(uid) or ModelRoute(tenant=tenant, uid=uid))
        row.version += 1
        validated(row).save()


def _put_aside(rows: Mapping[str, SwitchT], wanted: Mapping[str, object]) -> Iterable[SwitchT]:
    """Those of `rows` that were created since, disabled but not yet saved."""
    for uid, row in rows.items():
        if uid not in wanted:
            row.version += int(row.enabled)
            row.enabled = False
            yield row


def _free_names(rows: Iterable[Policy]) -> None:
    """Two policies may have swapped names since; neither must stand in the other's way."""
    for row in rows:
        Policy.objects.filter(pk=row.pk).update(name=_other_name("restoring", row.uid))


def _other_name(name: str, uid: str) -> str:
    return f"{name[:40]}-{uid}"


def _phrases(config: FaqConfig) -> tuple[Phrase, ...]:
    question, *aliases = texts_of(config)
    return phrases_of(question=question, aliases=aliases, language=config.language)
