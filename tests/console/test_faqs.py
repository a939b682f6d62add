from __future__ import annotations

from datetime import date

import pytest
from django.contrib.auth.models import User
from django.test import Client

from cache_admin.models import Faq, Tenant
from tests.console.builders import faq_input, make_faq
from tests.console.pages import form_errors, text


def test_list__search_in_question__only_it(acme: Tenant, viewer: Client) -> None:
    make_faq(acme, question="How do I pay?")
    make_faq(acme, question="Where is my parcel?")

    page = text(viewer.get("/t/acme/faqs/?q=PARCEL"))

    assert "Where is my parcel?" in page
    assert "How do I pay?" not in page


def test_list__search_in_alias__finds_its_faq_once(acme: Tenant, viewer: Client) -> None:
    make_faq(acme, question="How do I pay?", aliases=("paying by card", "card payment"))

    page = text(viewer.get("/t/acme/faqs/?q=card"))

    assert page.count("How do I pay?") == 1


def test_list__language_filter__only_that_language(acme: Tenant, viewer: Client) -> None:
    make_faq(acme, question="How do I pay?", language="en")
    make_faq(acme, question="¿Cómo pago?", language="es")

    page = text(viewer.get("/t/acme/faqs/?language=es"))

    assert "¿Cómo pago?" in page
    assert "How do I pay?" not in page


def test_list__state_off__only_disabled(acme: Tenant, viewer: Client) -> None:
    make_faq(acme, question="How do I pay?", enabled=False)
    make_faq(acme, question="Where is my parcel?")

    page = text(viewer.get("/t/acme/faqs/?state=off"))

    assert "How do I pay?" in page
    assert "Where is my parcel?" not in page


def test_list__nothing_found__offers_all(acme: Tenant, viewer: Client) -> None:
    make_faq(acme)

    assert "Nothing found" in text(viewer.get("/t/acme/faqs/?q=zebra"))


def test_list__empty_search_sent__not_called_a_search(acme: Tenant, viewer: Client) -> None:
    page = text(viewer.get("/t/acme/faqs/?q=&language=&state="))

    assert "No FAQ yet" in page


def test_list__other_tenants_faq__not_listed(acme: Tenant, globex: Tenant, viewer: Client) -> None:
    make_faq(globex, question="Is it a secret?")

    assert "Is it a secret?" not in text(viewer.get("/t/acme/faqs/"))


@pytest.mark.parametrize("query", ["language=xx", "state=maybe", "page=x", "page=99", "q=%00"])
def test_list__nonsense_filter__still_a_list(query: str, acme: Tenant, viewer: Client) -> None:
    assert viewer.get(f"/t/acme/faqs/?{query}").status_code == 200


def test_list__htmx__only_the_results(acme: Tenant, viewer: Client) -> None:
    make_faq(acme)

    page = viewer.get("/t/acme/faqs/", headers={"hx-request": "true"}).content.decode()

    assert page.strip().startswith('<div id="faq-results"')


def test_list__second_page__keeps_the_search(acme: Tenant, viewer: Client) -> None:
    for number in range(51):
        make_faq(acme, question=f"Question number {number}?")

    page = viewer.get("/t/acme/faqs/?q=number&page=2").content.decode()

    assert "Page 2 of 2" in page
    assert "?q=number&amp;page=1" in page


def test_new__valid__saved_with_aliases(acme: Tenant, curator: Client) -> None:
    sent = faq_input(aliases="paying\r\n\r\n  by card? \r\npaying", review_on="2026-03-01")

    response = curator.post("/t/acme/faqs/new/", sent, follow=True)

    faq = Faq.objects.get()
    assert "FAQ created. Saved as revision 1." in text(response)
    assert [phrase.text for phrase in faq.phrases.all()] == ["How do I pay?", "paying", "by card?"]
    assert faq.review_on == date(2026, 3, 1)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("question", ""),
        ("question", "?!"),
        ("question", "x" * 501),
        ("answer", "  "),
        ("language", "xx"),
        ("owner", "999"),
        ("review_on", "soon"),
        ("aliases", "..."),
    ],
)
def test_new__bad_value__named_at_its_field(
    field: str, value: str, acme: Tenant, curator: Client
) -> None:
    response = curator.post("/t/acme/faqs/new/", faq_input(**{field: value}))

    assert list(form_errors(response)) == [field]
    assert not Faq.objects.exists()


def test_new__alias_of_another_faq__conflict_names_it(acme: Tenant, curator: Client) -> None:
    make_faq(acme, question="How do I pay?")
    sent = faq_input(question="What cards do you take?", aliases="how do i PAY")

    response = curator.post("/t/acme/faqs/new/", sent)

    assert "How do I pay?" in form_errors(response)["aliases"][0]


def test_new__owner_from_another_tenant__not_offered(acme: Tenant, curator: Client) -> None:
    stranger = User.objects.create_user("stranger")

    response = curator.post("/t/acme/faqs/new/", faq_input(owner=stranger.pk))

    assert list(form_errors(response)) == ["owner"]


def test_edit__valid__saved(acme: Tenant, curator: Client) -> None:
    faq = make_faq(acme)

    curator.post(f"/t/acme/faqs/{faq.uid}/", faq_input(answer="By bank.", version=faq.version))

    faq.refresh_from_db()
    assert faq.answer == "By bank."


def test_edit__shown__lists_normalised_phrases(acme: Tenant, viewer: Client) -> None:
    faq = make_faq(acme, question="How do I PAY?!")

    assert "<code>how do i pay</code>" in viewer.get(f"/t/acme/faqs/{faq.uid}/").content.decode()


def test_edit__saved_meanwhile__both_values_shown(acme: Tenant, curator: Client) -> None:
    faq = make_faq(acme, answer="By card.")
    curator.post(f"/t/acme/faqs/{faq.uid}/", faq_input(answer="By bank.", version=1))

    response = curator.post(f"/t/acme/faqs/{faq.uid}/", faq_input(answer="In cash.", version=1))

    page = text(response)
    assert "Someone saved this meanwhile." in page
    assert "By bank." in page
    assert "In cash." in page


def test_edit__html_in_the_answer__escaped(acme: Tenant, viewer: Client) -> None:
    faq = make_faq(acme, answer="<script>alert(1)</script>")

    page = viewer.get(f"/t/acme/faqs/{faq.uid}/").content.decode()

    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)" in page


def test_delete__confirmed__gone(acme: Tenant, curator: Client) -> None:
    faq = make_faq(acme)

    response = curator.post(f"/t/acme/faqs/{faq.uid}/delete/", {"version": 1}, follow=True)

    assert "FAQ deleted." in text(response)
    assert not Faq.objects.exists()
