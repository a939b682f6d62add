from __future__ import annotations

from decimal import Decimal

import pytest
from django.test import Client

from cache_admin.mappers import map_policy
from cache_admin.models import Policy, Revision, Tenant
from cache_admin.services.policies import SWITCHABLE_GUARDS
from routing.snapshot import ContentClass, PolicyConfig, StoreRule
from tests.console.builders import make_document, make_policy, policy_input
from tests.console.pages import form_errors, text


def test_list__policy__shows_threshold_and_lifetime(acme: Tenant, viewer: Client) -> None:
    make_policy(acme, name="chat")

    page = text(viewer.get("/t/acme/policies/"))

    assert "chat" in page
    assert "0.79" in page
    assert "1 h" in page


def test_list__none__says_what_that_means(viewer: Client) -> None:
    assert "No policy yet" in text(viewer.get("/t/acme/policies/"))


def test_list__viewer__offers_no_creation(viewer: Client) -> None:
    assert "New policy" not in text(viewer.get("/t/acme/policies/"))


def test_new__valid__saved_with_domain_values(acme: Tenant, operator: Client) -> None:
    make_document(acme, slug="manual")
    sent = policy_input(
        min_similarity="0.85",
        ttl_seconds_0="30",
        ttl_seconds_1="min",
        match_tags="faq, help ,faq",
        documents=["manual"],
    )

    operator.post("/t/acme/policies/new/", sent)

    policy = Policy.objects.get(name="chat")
    assert policy.min_similarity == Decimal("0.85")
    assert policy.ttl_seconds == 1800
    assert policy.match_tags == ["faq", "help"]
    assert [document.slug for document in policy.documents.all()] == ["manual"]


def test_new__valid__message_links_the_revision(acme: Tenant, operator: Client) -> None:
    response = operator.post("/t/acme/policies/new/", policy_input(), follow=True)

    number = Revision.objects.latest("number").number
    assert f"Policy created. Saved as revision {number}." in text(response)
    assert f'href="/t/acme/revisions/{number}/"' in response.content.decode()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", "two words"),
        ("min_similarity", "1.2"),
        ("min_similarity", "-0.1"),
        ("min_similarity", "NaN"),
        ("min_margin", "much"),
        ("ttl_seconds_0", "0"),
        ("ttl_seconds_0", "1000"),
        ("content_class", "other"),
        ("scope", "world"),
        ("priority", ""),
        ("documents", "unknown"),
        ("guards", "moods"),
        ("guards", "never_merge"),
        ("context_conversation", "some"),
        ("context_last_turns", "51"),
        ("store_min_chars", "100001"),
        ("store_max_chars", "0"),
        ("jitter", "0.6"),
        ("stale_seconds_0", "10000"),
    ],
)
def test_new__bad_value__named_at_its_field(
    field: str, value: str, acme: Tenant, operator: Client
) -> None:
    sent = policy_input(ttl_seconds_1="d") | {field: value}

    response = operator.post("/t/acme/policies/new/", sent)

    assert list(form_errors(response)) == [field.removesuffix("_0")]
    assert not Policy.objects.exists()


def test_new__name_taken__service_refusal_at_the_name(acme: Tenant, operator: Client) -> None:
    make_policy(acme, name="chat")

    response = operator.post("/t/acme/policies/new/", policy_input(name="chat"))

    assert "chat" in form_errors(response)["name"][0]


def test_edit__valid__saved(acme: Tenant, operator: Client) -> None:
    policy = make_policy(acme)

    operator.post(
        f"/t/acme/policies/{policy.uid}/",
        policy_input(min_similarity="0.9", version=policy.version),
    )

    policy.refresh_from_db()
    assert policy.min_similarity == Decimal("0.9")


def test_edit__nothing_changed__no_revision_claimed(acme: Tenant, operator: Client) -> None:
    policy = make_policy(acme)

    response = operator.post(
        f"/t/acme/policies/{policy.uid}/", policy_input(version=policy.version), follow=True
    )

    assert "Policy saved." in text(response)
    assert "Saved as" not in text(response)


def test_edit__disabled_box_left_out__policy_off(acme: Tenant, operator: Client) -> None:
    policy = make_policy(acme)
    sent = policy_input(version=policy.version)
    del sent["enabled"]

    operator.post(f"/t/acme/policies/{policy.uid}/", sent)

    policy.refresh_from_db()
    assert not policy.enabled


def test_edit__viewer__sees_fields_switched_off(acme: Tenant, viewer: Client) -> None:
    policy = make_policy(acme)

    page = viewer.get(f"/t/acme/policies/{policy.uid}/").content.decode()

    assert "<fieldset disabled>" in page
    assert "Save policy" not in page


def test_edit__saved_meanwhile__both_values_shown(acme: Tenant, operator: Client) -> None:
    policy = make_policy(acme)
    operator.post(
        f"/t/acme/policies/{policy.uid}/",
        policy_input(min_similarity="0.9", version=policy.version),
    )

    response = operator.post(
        f"/t/acme/policies/{policy.uid}/",
        policy_input(min_similarity="0.7", version=policy.version),
    )

    difference = next(response.context["form"].differences())
    assert (difference.label, difference.stored, difference.yours) == (
        "Minimum similarity",
        "0.9000",
        "0.7",
    )


def test_edit__sent_again_after_a_clash__wins(acme: Tenant, operator: Client) -> None:
    policy = make_policy(acme)
    path = f"/t/acme/policies/{policy.uid}/"
    operator.post(path, policy_input(min_similarity="0.9", version=1))
    clash = operator.post(path, policy_input(min_similarity="0.7", version=1))

    version = clash.context["form"].version_to_send
    operator.post(path, policy_input(min_similarity="0.7", version=version))

    policy.refresh_from_db()
    assert policy.min_similarity == Decimal("0.7")


@pytest.mark.parametrize("version", ["", "x", "-1"])
def test_edit__nonsense_version__refused(version: str, acme: Tenant, operator: Client) -> None:
    policy = make_policy(acme)

    response = operator.post(f"/t/acme/policies/{policy.uid}/", policy_input(version=version))

    assert "version" in form_errors(response)


def test_delete__asked__still_there(acme: Tenant, operator: Client) -> None:
    policy = make_policy(acme)

    operator.get(f"/t/acme/policies/{policy.uid}/delete/")

    assert Policy.objects.filter(pk=policy.pk).exists()


def test_delete__confirmed__gone(acme: Tenant, operator: Client) -> None:
    policy = make_policy(acme)

    response = operator.post(f"/t/acme/policies/{policy.uid}/delete/", {"version": 1}, follow=True)

    assert "Policy deleted." in text(response)
    assert not Policy.objects.filter(pk=policy.pk).exists()


def test_new__untouched__defaults_of_the_snapshot(acme: Tenant, operator: Client) -> None:
    page = operator.get("/t/acme/policies/new/")
    assert page.context is not None

    form = page.context["form"]

    assert form.initial["guards"] == list(SWITCHABLE_GUARDS)
    assert form.initial["store_max_chars"] == StoreRule().max_chars


def test_new__as_offered__every_rule_at_its_default(acme: Tenant, operator: Client) -> None:
    operator.post("/t/acme/policies/new/", policy_input())

    mapped = map_policy(Policy.objects.get())
    assert mapped == PolicyConfig(
        mapped.uid, "chat", ContentClass.FREQUENT_FAQ, 0.79, 3600, min_margin=0.05
    )


def test_new__boxes_left_out__switched_off(acme: Tenant, operator: Client) -> None:
    sent = policy_input(guards=["numbers"], store_tool_calls="on", stale_seconds_0="2")
    del sent["context_tools"]

    operator.post("/t/acme/policies/new/", sent)

    mapped = map_policy(Policy.objects.get())
    assert set(mapped.disabled_guards) == set(SWITCHABLE_GUARDS) - {"numbers"}
    assert (mapped.context.tools, mapped.store.tool_calls) == (False, True)
    assert mapped.stale_seconds == 2 * 3600


def test_form__guard__explained_by_example(acme: Tenant, viewer: Client) -> None:
    page = text(viewer.get(f"/t/acme/policies/{make_policy(acme).uid}/"))

    assert "“How do I activate my card?” is not “How do I deactivate my card?”" in page


def test_form__learned__told_with_the_way_to_forget(acme: Tenant, operator: Client) -> None:
    policy = make_policy(acme)
    learned = {"pairs": 300, "min_probability": 0.9, "trained_at": "2026-01-01T12:00:00Z"}
    Policy.objects.update(learned=learned)

    page = operator.get(f"/t/acme/policies/{policy.uid}/")

    assert "learned from 300 labelled pairs" in text(page)
    assert "2026-01-01 12:00" in text(page)
    assert f"/t/acme/policies/{policy.uid}/forget/" in page.content.decode()


def test_forget__confirmed__nothing_learned_any_more(acme: Tenant, operator: Client) -> None:
    policy = make_policy(acme)
    Policy.objects.update(learned={"pairs": 300, "trained_at": "2026-01-01T12:00:00Z"})

    response = operator.post(f"/t/acme/policies/{policy.uid}/forget/", follow=True)

    assert "The learned check is forgotten." in text(response)
    assert Policy.objects.get().learned is None
