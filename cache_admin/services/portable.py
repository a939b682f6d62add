"""Configuration as a file: taken out of one installation, brought into another.

The file holds no keys, no credentials and no secrets. Things are matched by name, an FAQ by its
question, so that it can be brought into an installation that has its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import msgspec
from django.utils import timezone
from django.utils.translation import gettext as _
from msgspec.structs import replace

from cache_admin.errors import Conflict, InvalidInput
from cache_admin.mappers import build_snapshot, put_route
from cache_admin.models import Document, Faq, ModelRoute, Policy, Tenant
from cache_admin.services.actor import Actor
from cache_admin.services.documents import create_document, update_document
from cache_admin.services.faqs import FaqSpec, create_faq, update_faq
from cache_admin.services.faqs import spec_of as faq_spec_of
from cache_admin.services.policies import create_policy, spec_from, update_policy
from cache_admin.services.portable_format import (
    FORMAT,
    ConfigurationFile,
    PortableDocument,
    PortableTenant,
)
from cache_admin.services.portable_rules import import_rules
from cache_admin.services.publishing import change
from cache_admin.services.tenants import create_tenant, update_tenant
from cache_admin.services.validation import is_text, validated
from routing.normalize import normalize_question
from routing.snapshot import (
    FaqConfig,
    PolicyConfig,
    RouteConfig,
    TenantConfig,
)


@dataclass(frozen=True, slots=True)
class Imported:
    """How many of each the file held."""

    tenants: int
    documents: int
    policies: int
    faqs: int
    routes: int
    never_merge: int
    event_rules: int


def export_configuration() -> bytes:
    """The configuration of every tenant as indented JSON."""
    names = dict(Tenant.objects.values_list("uid", "name"))
    titles = dict(Document.objects.values_list("uid", "title"))
    snapshot = build_snapshot(revision=1, created_at=timezone.now())
    content = ConfigurationFile(
        format=FORMAT,
        tenants=tuple(_portable(tenant, names, titles) for tenant in snapshot.tenants),
    )
    return msgspec.json.format(msgspec.json.encode(content), indent=2) + b"\n"


def import_configuration(content: bytes, *, actor: Actor) -> Imported:
    """Make the installation have what `content` has, as one revision; nothing is removed.

    Raises InvalidInput when the file is malformed or breaks a rule, and Conflict when it collides
    with what is here or names one thing twice; nothing is changed then.
    """
    file = _decoded(content)
    _refuse_doubles(file)
    with change(actor=actor, tenant=None, note=_("Import")):
        for item in file.tenants:
            _import_tenant(item, actor)
    return Imported(
        tenants=len(file.tenants),
        documents=sum(len(item.documents) for item in file.tenants),
        policies=sum(len(item.policies) for item in file.tenants),
        faqs=sum(len(item.faqs) for item in file.tenants),
        routes=sum(len(item.routes) for item in file.tenants),
        never_merge=sum(len(item.never_merge) for item in file.tenants),
        event_rules=sum(len(item.event_rules) for item in file.tenants),
    )


def _decoded(content: bytes) -> ConfigurationFile:
    try:
        file = msgspec.json.decode(content, type=ConfigurationFile)
    except msgspec.MsgspecError as error:
        message = _("This is not a configuration file: %(reason)s") % {"reason": str(error)}
        raise InvalidInput(message) from error
    if file.format != FORMAT:
        raise InvalidInput(_("This file has another format."))
    for path in _unfit_texts("tenants", msgspec.to_builtins(file.tenants)):
        message = _("%(path)s holds characters that cannot be kept.") % {"path": path}
        raise InvalidInput(message)
    return file


def _unfit_texts(path: str, value: object) -> Iterator[str]:
    """Where in `value`, plain JSON types, a text stands that no database holds."""
    if isinstance(value, str) and not is_text(value):
        yield path
    elif isinstance(value, dict):
        for name, part in value.items():
            yield from _unfit_texts(f"{path}.{name}", part)
    elif isinstance(value, (list, tuple)):
        for position, part in enumerate(value):
            yield from _unfit_texts(f"{path}[{position}]", part)


def _refuse_doubles(file: ConfigurationFile) -> None:
    """What stands twice under one name would silently overwrite itself."""
    _refuse_double((tenant.slug, tenant.slug) for tenant in file.tenants)
    for tenant in file.tenants:
        _refuse_double((part.slug, part.slug) for part in tenant.documents)
        _refuse_double((part.name, part.name) for part in tenant.policies)
        _refuse_double((part.model, part.model) for part in tenant.routes)
        _refuse_double((_asked(part), part.question) for part in tenant.faqs if part.enabled)


def _refuse_double(names: Iterable[tuple[object, str]]) -> None:
    """Raise Conflict when two of `names`, each with how to show it, are the same."""
    seen: set[object] = set()
    for name, shown in names:
        if name in seen:
            raise Conflict(_("“%(name)s” stands twice in this file.") % {"name": shown})
        seen.add(name)


def _portable(
    tenant: TenantConfig, names: dict[str, str], titles: dict[str, str]
) -> PortableTenant:
    return PortableTenant(
        slug=tenant.slug,
        name=names[tenant.uid],
        language=tenant.language,
        embedding_model=tenant.embedding_model,
        enabled=tenant.enabled,
        documents=tuple(PortableDocument(item.slug, titles[item.uid]) for item in tenant.documents),
        policies=tuple(_unattached(policy) for policy in tenant.policies),
        faqs=tenant.faqs,
        routes=tenant.routes,
        never_merge=tenant.never_merge,
        lexicon=tenant.lexicon,
        event_rules=tenant.event_rules,
        limits=tenant.limits,
    )


def _unattached(policy: PolicyConfig) -> PolicyConfig:
    """`policy` without what holds for this installation's answers and pairs only."""
    return replace(policy, generation=1, learned=None)


def _import_tenant(item: PortableTenant, actor: Actor) -> None:
    tenant = Tenant.objects.filter(slug=item.slug).first()
    if tenant is None:
        tenant = create_tenant(actor=actor, slug=item.slug, name=item.name, language=item.language)
    tenant = update_tenant(
        tenant=tenant,
        actor=actor,
        name=item.name,
        language=item.language,
        enabled=item.enabled,
        expected_version=None,
        embedding_model=item.embedding_model,
    )
    for document in item.documents:
        _import_document(tenant, document, actor)
    for policy in item.policies:
        _import_policy(tenant, policy, actor)
    _import_faqs(tenant, item.faqs, actor)
    for route in item.routes:
        _import_route(tenant, route, actor)
    import_rules(tenant, item, actor=actor)


def _import_document(tenant: Tenant, item: PortableDocument, actor: Actor) -> None:
    row = Document.objects.for_tenant(tenant).filter(slug=item.slug).first()
    if row is None:
        create_document(tenant=tenant, actor=actor, slug=item.slug, title=item.title)
    else:
        update_document(document=row, actor=actor, title=item.title, expected_version=None)


def _import_policy(tenant: Tenant, item: PolicyConfig, actor: Actor) -> None:
    spec = spec_from(item)
    row = Policy.objects.for_tenant(tenant).filter(name=item.name).first()
    if row is None:
        create_policy(tenant=tenant, actor=actor, spec=spec)
    else:
        update_policy(policy=row, actor=actor, spec=spec, expected_version=None)


def _import_faqs(tenant: Tenant, items: Sequence[FaqConfig], actor: Actor) -> None:
    rows = _rows_meant(tenant, items)
    # What is disabled lets go of its phrasings, which what is enabled may then have.
    for position in sorted(range(len(items)), key=lambda position: items[position].enabled):
        item, row = items[position], rows.get(position)
        own = faq_spec_of(row) if row else None
        spec = FaqSpec(
            question=item.question,
            answer=item.answer,
            aliases=item.aliases,
            language=item.language,
            owner=own.owner if own else None,
            review_on=own.review_on if own else None,
            enabled=item.enabled,
        )
        if row is None:
            create_faq(tenant=tenant, actor=actor, spec=spec)
        else:
            update_faq(faq=row, actor=actor, spec=spec, expected_version=None)


def _rows_meant(tenant: Tenant, items: Sequence[FaqConfig]) -> Mapping[int, Faq]:
    """By the position of an item, the FAQ that it is to become; no FAQ stands for two items.

    Disabled FAQs may share their question with others. Of several the one with the item's uid is
    meant, else one in the item's state, else the oldest.
    """
    free: dict[tuple[str, str], list[Faq]] = {}
    for row in Faq.objects.for_tenant(tenant).order_by("pk"):
        free.setdefault(_asked(row), []).append(row)
    meant: dict[int, Faq] = {}
    for fits in _FITS:
        for position, item in enumerate(items):
            rows = [] if position in meant else free.get(_asked(item), [])
            found = next((row for row in rows if fits(item, row)), None)
            if found is not None:
                meant[position] = found
                rows.remove(found)
    return meant


_FITS: tuple[Callable[[FaqConfig, Faq], bool], ...] = (
    lambda item, row: item.uid == row.uid,
    lambda item, row: item.enabled == row.enabled,
    lambda _item, _row: True,
)


def _asked(faq: FaqConfig | Faq) -> tuple[str, str]:
    """What two FAQs that ask the same have in common."""
    return faq.language, normalize_question(faq.question, faq.language)


def _import_route(tenant: Tenant, item: RouteConfig, actor: Actor) -> None:
    with change(actor=actor, tenant=tenant) as journal:
        row = ModelRoute.objects.for_tenant(tenant).filter(model=item.model).first()
        row = put_route(item, row or ModelRoute(tenant=tenant))
        validated(row).save()
        journal.record(
            "route.imported",
            target=row,
            after={"model": row.model, "provider": row.provider, "target_model": row.target_model},
        )
