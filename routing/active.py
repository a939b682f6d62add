"""A snapshot made ready to answer calls: every question the hot path asks is a dictionary look-up.

Built once when a snapshot is adopted and never changed, so that one reference swap puts a whole
configuration in force and a call that started under one revision ends under it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from routing.guards.comparison import Lexicon
from routing.guards.lexicon import lexicon_of
from routing.normalize import normalize_question
from routing.prices import price_at
from routing.snapshot import (
    ApiKeyConfig,
    FaqConfig,
    PolicyConfig,
    PriceConfig,
    RouteConfig,
    Snapshot,
    TenantConfig,
)
from routing.types import Controls

_LONGEST_QUESTION = 2_000
"""Characters. Curated questions have at most 500; longer texts are not worth normalising."""


TENANT = "@tenant"
"""What every partition of a tenant rests on: its generation."""


def policy_name(uid: str) -> str:
    """What every partition of a policy rests on: its generation."""
    return f"@policy.{uid}"


@dataclass(frozen=True, slots=True)
class ActiveTenant:
    """One tenant, indexed.

    `generations` maps `TENANT` and every policy's `policy_name` to its generation, as `versions`
    does the documents: what rests on another version is unreachable. `faqs` maps a language to its
    normalised phrasings; the tenant's main language comes first, so it wins where two languages
    share a phrasing. `policies` are the enabled ones in the order in which they are tried.
    """

    config: TenantConfig
    faqs: Mapping[str, Mapping[str, FaqConfig]]
    policies: tuple[PolicyConfig, ...]
    versions: Mapping[str, int]
    generations: Mapping[str, int]
    lexicon: Lexicon
    routes: Mapping[str, RouteConfig]

    def route(self, model: str) -> RouteConfig | None:
        """The route of `model`: the exact one, else the one with the longest ``prefix*``."""
        if route := self.routes.get(model):
            return route
        matching = [
            pattern
            for pattern in self.routes
            if pattern.endswith("*") and model.startswith(pattern[:-1])
        ]
        return self.routes[max(matching, key=len)] if matching else None

    def model_group(self, model: str) -> str:
        """Name under which `model` shares answers with others; its own name when routed nowhere."""
        route = self.route(model)
        return route.group if route else model

    def faq(self, query: str) -> FaqConfig | None:
        """The curated answer for `query`, whatever language it is in."""
        if len(query) > _LONGEST_QUESTION:
            return None
        for language, phrases in self.faqs.items():
            if found := phrases.get(normalize_question(query, language)):
                return found
        return None

    def policy(self, controls: Controls, *, model: str) -> PolicyConfig | None:
        """The policy the app names, or the first whose match rule covers the call."""
        if controls.policy is not None:
            return next((item for item in self.policies if item.name == controls.policy), None)
        return next((item for item in self.policies if covers(item, controls, model=model)), None)


@dataclass(frozen=True, slots=True)
class Grant:
    """What an app key opens."""

    tenant: ActiveTenant
    key_uid: str
    scopes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ActiveConfig:
    """A snapshot in force."""

    snapshot: Snapshot
    tenants: Mapping[str, ActiveTenant]
    keys: Mapping[str, tuple[ActiveTenant, ApiKeyConfig]]
    prices: Mapping[str, tuple[PriceConfig, ...]]

    @property
    def revision(self) -> int:
        """Number of the snapshot."""
        return self.snapshot.revision

    def grant(self, digest: str, *, now: datetime) -> Grant | None:
        """What the key with this SHA-256 (hex) opens at `now`; None when unknown or expired."""
        found = self.keys.get(digest)
        if found is None:
            return None
        tenant, key = found
        if key.expires_at is not None and key.expires_at <= now:
            return None
        return Grant(tenant=tenant, key_uid=key.uid, scopes=key.scopes)

    def price(self, model: str, *, at: datetime) -> PriceConfig | None:
        """The price of `model` in force at `at`."""
        return price_at(self.prices.get(model, ()), at)


def activate(snapshot: Snapshot) -> ActiveConfig:
    """Index `snapshot` for use. Pure; costs time in proportion to the phrasings and keys."""
    tenants = {tenant.uid: _activate_tenant(tenant) for tenant in snapshot.tenants}
    keys = {
        key.digest: (tenants[tenant.uid], key)
        for tenant in snapshot.tenants
        for key in tenant.api_keys
    }
    prices: dict[str, list[PriceConfig]] = {}
    for price in snapshot.prices:
        prices.setdefault(price.model, []).append(price)
    return ActiveConfig(
        snapshot=snapshot,
        tenants=tenants,
        keys=keys,
        prices={model: tuple(rows) for model, rows in prices.items()},
    )


def covers(policy: PolicyConfig, controls: Controls, *, model: str) -> bool:
    """Whether the match rule of `policy` covers a call; empty lists cover everything."""
    rule = policy.match
    return (
        _any_matches(rule.endpoints, (controls.endpoint,))
        and _any_matches(rule.tags, controls.tags)
        and _any_matches(rule.models, (model,))
    )


def _any_matches(patterns: tuple[str, ...], values: Iterable[str]) -> bool:
    return not patterns or any(
        value.startswith(pattern[:-1]) if pattern.endswith("*") else value == pattern
        for pattern in patterns
        for value in values
    )


def _activate_tenant(tenant: TenantConfig) -> ActiveTenant:
    languages = {faq.language for faq in tenant.faqs if faq.enabled}
    ordered = sorted(languages, key=lambda language: (language != tenant.language, language))
    policies = [policy for policy in tenant.policies if policy.enabled]
    return ActiveTenant(
        config=tenant,
        faqs={language: _phrases(tenant.faqs, language) for language in ordered},
        policies=tuple(sorted(policies, key=lambda policy: (-policy.priority, policy.name))),
        versions={document.slug: document.version for document in tenant.documents},
        generations={
            TENANT: tenant.generation,
            **{policy_name(policy.uid): policy.generation for policy in tenant.policies},
        },
        lexicon=lexicon_of(tenant.lexicon, never_merge=tenant.never_merge),
        routes={route.model: route for route in tenant.routes if route.enabled},
    )


def _phrases(faqs: Iterable[FaqConfig], language: str) -> dict[str, FaqConfig]:
    phrases: dict[str, FaqConfig] = {}
    for faq in faqs:
        if faq.enabled and faq.language == language:
            for text in (faq.question, *faq.aliases):
                if phrase := normalize_question(text, language):
                    phrases.setdefault(phrase, faq)
    return phrases
