"""A list asks the database as often for many rows as for few."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from cache_admin.models import Tenant
from tests.console.builders import (
    make_document,
    make_event_rule,
    make_faq,
    make_invalidation,
    make_key,
    make_pair,
    make_policy,
)

MAKERS: dict[str, Callable[[Tenant, int], object]] = {
    "policies": lambda tenant, number: make_policy(tenant, name=f"policy-{number}"),
    "faqs": lambda tenant, number: make_faq(tenant, question=f"Question {number}?"),
    "documents": lambda tenant, number: make_document(tenant, slug=f"manual-{number}"),
    "keys": lambda tenant, number: make_key(tenant, name=f"app {number}"),
    "matching": lambda tenant, number: make_pair(tenant, b=f"Question {number}?"),
    "events": lambda tenant, number: make_event_rule(tenant, event=f"event-{number}"),
    "invalidations": lambda tenant, number: make_invalidation(tenant, target=f"order:{number}"),
    "revisions": lambda tenant, number: make_policy(tenant, name=f"policy-{number}"),
}


@pytest.mark.parametrize("section", MAKERS)
def test_list__more_rows__no_more_queries(section: str, acme: Tenant, viewer: Client) -> None:
    path = f"/t/acme/{section}/"
    MAKERS[section](acme, 1)
    viewer.get(path)
    with CaptureQueriesContext(
        connection,
    ) as few:
        viewer.get(path)
    for number in range(2, 8):
        MAKERS[section](acme, number)

    with CaptureQueriesContext(connection) as many:
        viewer.get(path)

    assert len(many) == len(few)


@pytest.mark.parametrize(
    ("path", "most"),
    [
        ("", 6),
        ("policies/", 6),
        ("faqs/", 7),
        ("documents/", 6),
        ("keys/", 5),
        ("revisions/", 8),
        ("settings/", 6),
    ],
)
def test_page__shown__few_queries(path: str, most: int, acme: Tenant, viewer: Client) -> None:
    viewer.get(f"/t/acme/{path}")

    with CaptureQueriesContext(connection) as asked:
        viewer.get(f"/t/acme/{path}")

    assert len(asked) <= most
