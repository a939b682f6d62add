"""Visible values for the runtime's tests: tenants `acme` and `globex`."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import Any

from routing.snapshot import (
    ApiKeyConfig,
    ContentClass,
    DocumentConfig,
    FaqConfig,
    MatchRule,
    PolicyConfig,
    PriceConfig,
    RouteConfig,
    Snapshot,
    StoreRule,
    TenantConfig,
    Volatile,
)
from routing.types import Call, Context, Controls, Entry

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
ACME_KEY = "rp_acmeacme_secret"
GLOBEX_KEY = "rp_globexgl_secret"


def digest(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


def policy(name: str = "default", **changes: Any) -> PolicyConfig:
    values: dict[str, Any] = {
        "uid": f"policy-{name}",
        "name": name,
        "content_class": ContentClass.FREQUENT_FAQ,
        "min_similarity": 0.79,
        "ttl_seconds": 3600,
        # Tests ask where an order is, which is nobody else's business outside of tests.
        "store": StoreRule(volatile=Volatile.IGNORE),
    }
    return PolicyConfig(**(values | changes))


def faq(question: str, answer: str, *aliases: str, language: str = "en") -> FaqConfig:
    return FaqConfig(
        uid=f"faq-{hashlib.sha256(question.encode()).hexdigest()[:8]}",
        language=language,
        question=question,
        answer=answer,
        aliases=aliases,
    )


def tenant(slug: str = "acme", **changes: Any) -> TenantConfig:
    values: dict[str, Any] = {
        "uid": f"uid-{slug}",
        "slug": slug,
        "api_keys": (
            ApiKeyConfig(
                uid=f"key-{slug}",
                digest=digest(ACME_KEY if slug == "acme" else GLOBEX_KEY),
                scopes=("call",),
            ),
        ),
        "policies": (policy(),),
    }
    return TenantConfig(**(values | changes))


def document(slug: str, version: int = 1) -> DocumentConfig:
    return DocumentConfig(uid=f"doc-{slug}", slug=slug, version=version)


def route(model: str, target: str, group: str) -> RouteConfig:
    return RouteConfig(
        uid=f"route-{model}", model=model, provider="openai", target_model=target, group=group
    )


def price(model: str = "gpt-5-mini", *, valid_from: datetime = NOW) -> PriceConfig:
    return PriceConfig(
        model=model,
        valid_from=valid_from,
        input=250_000_000,
        output=2_000_000_000,
        cache_read=25_000_000,
        cache_write_5m=250_000_000,
        cache_write_1h=250_000_000,
    )


def snapshot(*tenants: TenantConfig, revision: int = 1) -> Snapshot:
    return Snapshot(
        schema_version=1,
        revision=revision,
        created_at=NOW,
        tenants=tenants or (tenant("acme"), tenant("globex")),
        prices=(price(),),
    )


def call(query: str, **changes: Any) -> Call:
    controls = Controls(**{name: changes.pop(name) for name in CONTROLS & changes.keys()})
    values: dict[str, Any] = {
        "tenant": "uid-acme",
        "protocol": "chat",
        "model": "gpt-5-mini",
        "query": query,
        "context": Context(other=b"[]"),
        "controls": controls,
    }
    return Call(**(values | changes))


CONTROLS = frozenset(Controls.__struct_fields__)


def match(**lists: tuple[str, ...]) -> MatchRule:
    return MatchRule(**lists)


def entry(answer: str = "In the app.", **changes: Any) -> Entry:
    values: dict[str, Any] = {
        "entry_id": "e1",
        "tenant": "uid-acme",
        "partition": "p1",
        "policy": "policy-default",
        "query": "where is my order",
        "answer": answer,
        "model": "gpt-5-mini",
        "created": 1_000,
        "expires": 4_600,
        "revision": 1,
    }
    return Entry(**(values | changes))
