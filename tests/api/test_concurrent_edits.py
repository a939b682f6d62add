"""Someone else saves between the reading and the writing of an edit."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from decimal import Decimal
from typing import Any

from django.db import connection
from rest_framework.test import APIClient

from cache_admin.models import Document, Faq, Policy, Tenant
from cache_admin.services import documents, faqs, policies, tenants
from tests.api.conftest import SETUP

ACME = "/api/v1/tenants/acme/"
ANY = {"If-Match": "*"}


@contextmanager
def meanwhile(save: Callable[[], object]) -> Iterator[None]:
    """Run `save` when the request inside is about to open its transaction."""
    waiting = [save]

    def interrupt(execute: Any, sql: str, *rest: Any) -> Any:
        if sql.startswith("SAVEPOINT") and waiting:
            waiting.pop()()
        return execute(sql, *rest)

    with connection.execute_wrapper(interrupt):
        yield
    assert not waiting


def test_policy__patched_on_any_version__keeps_the_others_change(
    operator: APIClient, acme: Tenant
) -> None:
    policy = Policy.objects.get(tenant=acme, name="archival")
    stricter = replace(policies.spec_of(policy), min_similarity=Decimal("0.95"))

    with meanwhile(lambda: _save_policy(policy, stricter)):
        response = operator.patch(f"{ACME}policies/{policy.uid}/", {"priority": 7}, headers=ANY)

    policy.refresh_from_db()
    assert response.status_code == 200
    assert (policy.priority, policy.min_similarity) == (7, Decimal("0.95"))


def test_policy__patched_on_one_version__is_refused(operator: APIClient, acme: Tenant) -> None:
    policy = Policy.objects.get(tenant=acme, name="archival")
    stricter = replace(policies.spec_of(policy), min_similarity=Decimal("0.95"))

    with meanwhile(lambda: _save_policy(policy, stricter)):
        response = operator.patch(
            f"{ACME}policies/{policy.uid}/", {"priority": 7}, headers={"If-Match": '"1"'}
        )

    assert (response.status_code, response.json()["error"]["code"]) == (412, "stale_edit")


def test_policy__patched_and_deleted_meanwhile__does_not_exist(
    operator: APIClient, acme: Tenant
) -> None:
    policy = Policy.objects.get(tenant=acme, name="archival")

    with meanwhile(lambda: policies.delete_policy(policy=policy, actor=SETUP)):
        response = operator.patch(f"{ACME}policies/{policy.uid}/", {"priority": 7}, headers=ANY)

    assert response.status_code == 404


def test_policy__replaced_and_deleted_meanwhile__told_so(operator: APIClient, acme: Tenant) -> None:
    policy = Policy.objects.get(tenant=acme, name="archival")
    body = {"name": "archival", "content_class": "archival"}

    with meanwhile(lambda: policies.delete_policy(policy=policy, actor=SETUP)):
        response = operator.put(f"{ACME}policies/{policy.uid}/", body, headers=ANY)

    assert (response.status_code, response.json()["error"]["code"]) == (412, "deleted")


def test_faq__patched_on_any_version__keeps_the_others_change(
    curator: APIClient, acme: Tenant
) -> None:
    spec = faqs.FaqSpec(question="How do I pay?", answer="By card.")
    faq = faqs.create_faq(tenant=acme, actor=SETUP, spec=spec)

    with meanwhile(lambda: _save_faq(faq, replace(spec, answer="In cash."))):
        curator.patch(f"{ACME}faqs/{faq.uid}/", {"aliases": ["paying"]}, headers=ANY)

    assert faqs.spec_of(Faq.objects.get()) == replace(spec, answer="In cash.", aliases=("paying",))


def test_document__patched_with_nothing__keeps_the_others_title(
    operator: APIClient, acme: Tenant
) -> None:
    manual = documents.create_document(tenant=acme, actor=SETUP, slug="manual", title="Manual")

    with meanwhile(lambda: _save_title(manual, "Handbook")):
        operator.patch(f"{ACME}documents/{manual.uid}/", {}, headers=ANY)

    manual.refresh_from_db()
    assert manual.title == "Handbook"


def test_tenant__patched_on_any_version__keeps_the_others_change(
    owner: APIClient, acme: Tenant
) -> None:
    with meanwhile(lambda: _save_language(acme, "es")):
        owner.patch(ACME, {"name": "Acme Inc"}, headers=ANY)

    acme.refresh_from_db()
    assert (acme.name, acme.language) == ("Acme Inc", "es")


def _save_policy(policy: Policy, spec: policies.PolicySpec) -> None:
    policies.update_policy(policy=policy, actor=SETUP, spec=spec, expected_version=None)


def _save_faq(faq: Faq, spec: faqs.FaqSpec) -> None:
    faqs.update_faq(faq=faq, actor=SETUP, spec=spec, expected_version=None)


def _save_title(document: Document, title: str) -> None:
    documents.update_document(document=document, actor=SETUP, title=title, expected_version=None)


def _save_language(tenant: Tenant, language: str) -> None:
    tenants.update_tenant(
        tenant=tenant,
        actor=SETUP,
        name="Acme",
        language=language,
        enabled=True,
        expected_version=None,
    )
