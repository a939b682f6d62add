"""Someone deletes or saves what another person has open in a form."""

from __future__ import annotations

import pytest
from django.test import Client

from cache_admin.models import Faq, Policy, Tenant
from cache_admin.services.faqs import delete_faq
from cache_admin.services.policies import delete_policy
from tests.console.builders import ROBOT, faq_input, make_faq, make_policy, policy_input
from tests.console.pages import text


@pytest.fixture
def lost_policy(acme: Tenant) -> str:
    """The address of a policy that is no more."""
    policy = make_policy(acme, name="chat")
    delete_policy(policy=policy, actor=ROBOT)
    return f"/t/acme/policies/{policy.uid}/"


@pytest.fixture
def lost_faq(acme: Tenant) -> str:
    """The address of an FAQ that is no more."""
    faq = make_faq(acme)
    delete_faq(faq=faq, actor=ROBOT)
    return f"/t/acme/faqs/{faq.uid}/"


def test_policy__sent_after_deletion__keeps_what_was_typed(
    lost_policy: str, operator: Client
) -> None:
    response = operator.post(lost_policy, policy_input(match_tags="typed by hand", version=1))

    page = response.content.decode()
    assert response.status_code == 410
    assert "typed by hand" in page
    assert "Someone deleted this meanwhile." in page
    assert "Save again to keep yours" not in page


def test_policy__sent_after_deletion__next_save_creates_it(
    lost_policy: str, operator: Client
) -> None:
    page = operator.post(lost_policy, policy_input(version=1)).content.decode()

    assert '<form method="post" action="/t/acme/policies/new/"' in page
    assert "Create policy" in page


def test_faq__sent_after_deletion__keeps_what_was_typed(lost_faq: str, curator: Client) -> None:
    response = curator.post(lost_faq, faq_input(answer="typed by hand", version=1))

    page = response.content.decode()
    assert response.status_code == 410
    assert "typed by hand" in page
    assert '<form method="post" action="/t/acme/faqs/new/"' in page


def test_faq__looked_at_after_deletion__not_found(lost_faq: str, curator: Client) -> None:
    assert curator.get(lost_faq).status_code == 404


@pytest.mark.parametrize("path", ["/t/acme/faqs/never/", "/t/acme/faqs/never/delete/"])
def test_faq__form_for_one_that_never_was__not_found(
    path: str, acme: Tenant, curator: Client
) -> None:
    assert curator.post(path, faq_input(version=1)).status_code == 404


def test_faq__form_for_another_tenants_lost_one__not_found(
    acme: Tenant, globex: Tenant, curator: Client
) -> None:
    theirs = make_faq(globex)
    delete_faq(faq=theirs, actor=ROBOT)

    response = curator.post(f"/t/acme/faqs/{theirs.uid}/", faq_input(version=1))

    assert response.status_code == 404


@pytest.mark.parametrize("version", ["", "1", "x"])
def test_delete__not_the_version_shown__asked_again(
    version: str, acme: Tenant, operator: Client
) -> None:
    policy = make_policy(acme)
    path = f"/t/acme/policies/{policy.uid}/"
    operator.post(path, policy_input(priority="7", version=1))

    response = operator.post(f"{path}delete/", {"version": version})

    assert "Nothing was deleted. Look at it again" in text(response)
    assert '<input type="hidden" name="version" value="2">' in response.content.decode()
    assert Policy.objects.filter(pk=policy.pk).exists()


def test_delete__version_of_the_confirmation__gone(acme: Tenant, curator: Client) -> None:
    faq = make_faq(acme)
    page = curator.get(f"/t/acme/faqs/{faq.uid}/delete/")

    sent = {"version": page.context["form"].version_to_send}
    curator.post(f"/t/acme/faqs/{faq.uid}/delete/", sent)

    assert not Faq.objects.exists()


def test_delete__already_deleted__says_so(lost_faq: str, curator: Client) -> None:
    response = curator.post(f"{lost_faq}delete/", {"version": 1}, follow=True)

    assert "Someone deleted this meanwhile." in text(response)
