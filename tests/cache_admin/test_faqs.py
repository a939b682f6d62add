from __future__ import annotations

from dataclasses import replace

import pytest

from cache_admin.errors import Conflict, InvalidInput, StaleEdit
from cache_admin.models import AuditEntry, FaqPhrase, Revision, Tenant
from cache_admin.services.faqs import FaqSpec, create_faq, delete_faq, spec_of, update_faq
from cache_admin.services.tenants import create_tenant
from tests.cache_admin.builders import ROBOT, make_faq, make_user

pytestmark = pytest.mark.django_db


def test_create_faq__aliases__normalised_in_order(acme: Tenant) -> None:
    faq = make_faq(acme, question="How do I PAY?", aliases=("Payment methods", "Can I pay?"))

    normalized = list(faq.phrases.order_by("position").values_list("normalized", flat=True))

    assert normalized == ["how do i pay", "payment methods", "can i pay"]


def test_create_faq__alias_equal_to_question__kept_once(acme: Tenant) -> None:
    faq = make_faq(acme, question="How do I pay?", aliases=("how do i pay",))

    assert faq.phrases.count() == 1


def test_create_faq__question_of_another__conflict_names_it(acme: Tenant) -> None:
    make_faq(acme, question="How do I pay?")

    with pytest.raises(Conflict, match=r"How do I pay\?") as caught:
        make_faq(acme, question="how do I pay")

    assert set(caught.value.fields) == {"question"}


def test_create_faq__alias_of_another__conflict_at_the_aliases(acme: Tenant) -> None:
    make_faq(acme, question="How do I pay?", aliases=("Payment methods",))

    with pytest.raises(Conflict) as caught:
        make_faq(acme, question="What do you accept?", aliases=("payment methods?",))

    assert set(caught.value.fields) == {"aliases"}


def test_create_faq__same_question_of_another_tenant__accepted(acme: Tenant) -> None:
    globex = create_tenant(actor=ROBOT, slug="globex", name="Globex")
    make_faq(acme, question="How do I pay?")

    make_faq(globex, question="How do I pay?")

    assert FaqPhrase.objects.filter(normalized="how do i pay").count() == 2


@pytest.mark.parametrize(
    ("question", "aliases", "answer", "field"),
    [
        ("???", (), "By card.", "question"),
        ("How?", ("!!",), "By card.", "aliases"),
        ("How?", ("x" * 501,), "By card.", "aliases"),
        ("How?", tuple(f"way {number}" for number in range(201)), "By card.", "aliases"),
        ("How?", (), "  ", "answer"),
        ("How?", (), "x" * 100_001, "answer"),
        ("How?", (), "a\0b", "answer"),
        ("ﷺ" * 100, (), "By card.", "question"),
        ("a\0b", (), "By card.", "question"),
        ("How?", ("a\ud800b",), "By card.", "aliases"),
        ("How?", ("line one\nline two",), "By card.", "aliases"),
        ("How?", ("line one\u2028line two",), "By card.", "aliases"),
    ],
)
def test_create_faq__bad_value__refused_at_its_field(
    acme: Tenant, question: str, aliases: tuple[str, ...], answer: str, field: str
) -> None:
    with pytest.raises(InvalidInput) as caught:
        make_faq(acme, question=question, aliases=aliases, answer=answer)

    assert set(caught.value.fields) == {field}


def test_create_faq__disabled__may_hold_a_phrasing_of_another(acme: Tenant) -> None:
    make_faq(acme, question="How do I pay?")

    spec = FaqSpec(question="How do I pay?", answer="In cash.", enabled=False)
    create_faq(tenant=acme, actor=ROBOT, spec=spec)

    assert FaqPhrase.objects.filter(normalized="how do i pay").count() == 2


def test_update_faq__enabled_while_another_answers_it__conflict(acme: Tenant) -> None:
    make_faq(acme, question="How do I pay?")
    spec = FaqSpec(question="How do I pay?", answer="In cash.", enabled=False)
    faq = create_faq(tenant=acme, actor=ROBOT, spec=spec)

    with pytest.raises(Conflict, match=r"How do I pay\?"):
        update_faq(faq=faq, actor=ROBOT, spec=replace(spec, enabled=True), expected_version=None)


def test_update_faq__disabled__its_phrasing_is_free(acme: Tenant) -> None:
    faq = make_faq(acme, question="How do I pay?")
    update_faq(
        faq=faq, actor=ROBOT, spec=replace(spec_of(faq), enabled=False), expected_version=None
    )

    make_faq(acme, question="How do I pay?")

    assert FaqPhrase.objects.filter(enabled=True).count() == 1


def test_update_faq__new_answer__snapshot_has_it(acme: Tenant) -> None:
    faq = make_faq(acme, question="How do I pay?", answer="By card.")

    update_faq(
        faq=faq, actor=ROBOT, spec=replace(spec_of(faq), answer="In cash."), expected_version=1
    )

    assert Revision.objects.latest("number").diff == [
        {
            "path": "tenants/acme/faqs/How do I pay?/answer",
            "before": "By card.",
            "after": "In cash.",
        }
    ]


def test_update_faq__aliases_swapped__phrases_follow(acme: Tenant) -> None:
    faq = make_faq(acme, question="How do I pay?", aliases=("a b", "c d"))

    updated = update_faq(
        faq=faq, actor=ROBOT, spec=replace(spec_of(faq), aliases=("c d",)), expected_version=1
    )

    assert spec_of(updated).aliases == ("c d",)


def test_update_faq__old_version__stale(acme: Tenant) -> None:
    faq = make_faq(acme)
    spec = spec_of(faq)
    update_faq(faq=faq, actor=ROBOT, spec=replace(spec, answer="In cash."), expected_version=1)

    with pytest.raises(StaleEdit):
        update_faq(faq=faq, actor=ROBOT, spec=spec, expected_version=1)


def test_update_faq__deleted_meanwhile__stale(acme: Tenant) -> None:
    faq = make_faq(acme)
    spec = spec_of(faq)
    delete_faq(faq=faq, actor=ROBOT)

    with pytest.raises(StaleEdit):
        update_faq(faq=faq, actor=ROBOT, spec=spec, expected_version=None)


def test_update_faq__owner__audited_by_name_without_a_revision(acme: Tenant) -> None:
    faq = make_faq(acme)
    before = Revision.objects.count()
    spec = replace(spec_of(faq), owner=make_user("owner"))

    update_faq(faq=faq, actor=ROBOT, spec=spec, expected_version=None)

    entry = AuditEntry.objects.latest("pk")
    assert (entry.changes, Revision.objects.count()) == ({"owner": [None, "owner"]}, before)


def test_delete_faq__phrasing__free_again(acme: Tenant) -> None:
    delete_faq(faq=make_faq(acme, question="How do I pay?"), actor=ROBOT)

    make_faq(acme, question="How do I pay?")

    assert FaqPhrase.objects.count() == 1
