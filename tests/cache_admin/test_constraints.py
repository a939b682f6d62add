"""Rules that the database itself holds, whoever writes."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from django.db import IntegrityError, models
from django.utils import timezone

from cache_admin.models import (
    ApiKey,
    Document,
    Faq,
    FaqPhrase,
    HourlyRollup,
    Membership,
    ModelRoute,
    Policy,
    Revision,
    Tenant,
)
from tests.cache_admin.builders import make_document, make_faq, make_user

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    "values",
    [
        {"min_similarity": Decimal("1.01")},
        {"min_similarity": Decimal("-0.01")},
        {"min_margin": Decimal("1.01")},
        {"ttl_seconds": 0},
        {"content_class": "eternal"},
        {"scope": "planet"},
        {"name": "frequent-faq"},
    ],
)
def test_policy__bad_value__refused(acme: Tenant, values: dict[str, Any]) -> None:
    policy = Policy(tenant=acme, **({"name": "x", "content_class": "archival"} | values))

    with pytest.raises(IntegrityError):
        policy.save()


def _bad_rows(tenant: Tenant) -> dict[str, models.Model]:
    faq, document = make_faq(tenant, question="How?"), make_document(tenant, slug="manual")
    return {
        "tenant slug twice": Tenant(slug="acme", name="Acme"),
        "tenant slug form": Tenant(slug="Acme Inc", name="Acme"),
        "tenant language": Tenant(slug="globex", name="Globex", language="EN"),
        "document slug twice": Document(tenant=tenant, slug="manual", title="x"),
        "document version": Document(tenant=tenant, slug="x", title="x", current_version=0),
        "version twice": document.versions.model(document=document, number=1),
        "faq without answer": Faq(tenant=tenant, question="What?", answer=""),
        "phrase twice": FaqPhrase(
            tenant=tenant, faq=faq, language="en", position=1, text="How", normalized="how"
        ),
        "phrase empty": FaqPhrase(
            tenant=tenant, faq=faq, language="en", position=1, text="?", normalized=""
        ),
        "key digest": ApiKey(tenant=tenant, name="x", digest="plain text"),
        "role": Membership(tenant=tenant, user=make_user(), role="king"),
        "route provider": ModelRoute(
            tenant=tenant, model="m", target_model="m", group="m", provider="nobody"
        ),
        "revision digest": Revision(number=9, digest="x", created_at=timezone.now()),
        "negative calls": HourlyRollup(
            tenant=tenant, hour=timezone.now(), layer="none", result="miss", calls=-1
        ),
    }


@pytest.mark.parametrize(
    "rule",
    [
        "tenant slug twice",
        "tenant slug form",
        "tenant language",
        "document slug twice",
        "document version",
        "version twice",
        "faq without answer",
        "phrase twice",
        "phrase empty",
        "key digest",
        "role",
        "route provider",
        "revision digest",
        "negative calls",
    ],
)
def test_database__row_breaks_a_rule__refused(acme: Tenant, rule: str) -> None:
    row = _bad_rows(acme)[rule]

    with pytest.raises(IntegrityError):
        row.save()
