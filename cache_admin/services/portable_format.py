"""The file in which configuration travels between installations."""

from __future__ import annotations

from msgspec import Struct

from routing.snapshot import (
    EventRule,
    FaqConfig,
    LexiconConfig,
    Limits,
    NeverMerge,
    PolicyConfig,
    RouteConfig,
    Slug,
)

FORMAT = 1


class PortableDocument(Struct, frozen=True, forbid_unknown_fields=True):
    """A document without its history."""

    slug: Slug
    title: str


class PortableTenant(Struct, frozen=True, forbid_unknown_fields=True):
    """A tenant and what its operators own; `uid`s in the parts mean nothing elsewhere."""

    slug: Slug
    name: str
    language: str = "en"
    embedding_model: str = ""
    enabled: bool = True
    documents: tuple[PortableDocument, ...] = ()
    policies: tuple[PolicyConfig, ...] = ()
    faqs: tuple[FaqConfig, ...] = ()
    routes: tuple[RouteConfig, ...] = ()
    never_merge: tuple[NeverMerge, ...] = ()
    lexicon: LexiconConfig | None = None
    event_rules: tuple[EventRule, ...] = ()
    limits: Limits | None = None


class ConfigurationFile(Struct, frozen=True, forbid_unknown_fields=True):
    """The whole file."""

    format: int
    tenants: tuple[PortableTenant, ...]
