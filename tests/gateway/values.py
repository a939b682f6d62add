"""The configuration the end-to-end tests run under."""

from __future__ import annotations

from datetime import UTC, datetime

from cryptography.fernet import Fernet

from routing.snapshot import ApiKeyConfig, EventRule, Scope, Snapshot, StoreRule
from tests.routing.builders import digest, document, faq, policy, price, route, snapshot, tenant

EXPIRED_KEY = "rp_expired_secret"
REPORTS_KEY = "rp_reports_secret"
CLOSED_KEY = "rp_closed_secret"
EVENT_SECRET = "whsec_acme"
CREDENTIALS_KEY = Fernet.generate_key().decode()
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


def configuration(*, revision: int = 1) -> Snapshot:
    """Tenants `acme` (everything), `globex` (another customer) and `closed` (disabled)."""
    acme = tenant("acme")
    acme = tenant(
        "acme",
        api_keys=(
            *acme.api_keys,
            ApiKeyConfig(uid="key-expired", digest=digest(EXPIRED_KEY), scopes=("call",),
                         expires_at=LONG_AGO),
            ApiKeyConfig(uid="key-reports", digest=digest(REPORTS_KEY), scopes=("report",)),
        ),
        policies=(
            policy(),
            policy("tools", store=StoreRule(tool_calls=True, refusals=True)),
            policy("patient", store=StoreRule(finish_abandoned=True)),
            policy("personal", scope=Scope.USER),
            policy("manual", documents=("manual",)),
            policy("solo", single_flight=False),
            policy("renewed", ttl_seconds=1, stale_seconds=60),
            policy("resilient", ttl_seconds=1, stale_if_error_seconds=60),
        ),
        documents=(document("manual"),),
        faqs=(faq("What are your opening hours?", "From nine to five.", "when are you open"),),
        routes=(route("small", "gpt-5-mini", "small"),),
        event_rules=(EventRule(event="order_updated", tag="order:{id}"),),
        event_secrets=(Fernet(CREDENTIALS_KEY).encrypt(EVENT_SECRET.encode()).decode(),),
    )  # fmt: skip
    closed = tenant(
        "closed",
        enabled=False,
        api_keys=(ApiKeyConfig(uid="key-closed", digest=digest(CLOSED_KEY), scopes=("call",)),),
    )
    base = snapshot(acme, tenant("globex"), closed, revision=revision)
    return Snapshot(
        schema_version=base.schema_version,
        revision=base.revision,
        created_at=base.created_at,
        tenants=base.tenants,
        prices=(price(valid_from=LONG_AGO),),
    )
