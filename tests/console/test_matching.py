"""Pairs that never merge, and the lexicon."""

from __future__ import annotations

import pytest
from django.test import Client

from cache_admin.models import Lexicon, NeverMergePair, Tenant
from tests.console.builders import make_pair
from tests.console.pages import form_errors, text

LEXICON = "/t/acme/matching/lexicon/"


def pair_input(**changed: object) -> dict[str, object]:
    """What a browser sends for a pair, with `changed` values."""
    return {"a": "Pay now?", "b": "Pay later?", "enabled": "on", **changed}


def lexicon_input(**changed: object) -> dict[str, object]:
    """What a browser sends for a lexicon that was empty, with `changed` values."""
    return {"version": 1, "apart": "", "alike": "", "opposites": "", **changed}


def test_list__pair__both_questions_shown(acme: Tenant, viewer: Client) -> None:
    make_pair(acme, a="How do I pay?", b="How do I get paid?")

    page = text(viewer.get("/t/acme/matching/"))

    assert "How do I pay?" in page
    assert "How do I get paid?" in page


def test_list__searched__only_those_found(acme: Tenant, viewer: Client) -> None:
    make_pair(acme, a="Pay now?", b="Pay later?")
    make_pair(acme, a="Ship now?", b="Ship later?")

    page = text(viewer.get("/t/acme/matching/?q=ship"))

    assert "Ship now?" in page
    assert "Pay now?" not in page


def test_list__searched_in_vain__says_so(acme: Tenant, viewer: Client) -> None:
    assert "No pair matches" in text(viewer.get("/t/acme/matching/?q=cash"))


def test_list__asked_by_htmx__results_alone(acme: Tenant, viewer: Client) -> None:
    page = viewer.get("/t/acme/matching/", headers={"HX-Request": "true"}).content.decode()

    assert page.strip().startswith('<div id="pair-results"')


def test_new__valid__in_force(acme: Tenant, curator: Client) -> None:
    response = curator.post("/t/acme/matching/new/", pair_input(), follow=True)

    assert "Pair created. Saved as revision" in text(response)
    assert NeverMergePair.objects.get().b == "Pay later?"


@pytest.mark.parametrize(("field", "value"), [("a", ""), ("a", "?!"), ("b", "PAY now")])
def test_new__bad_value__named_at_its_field(
    acme: Tenant, curator: Client, field: str, value: str
) -> None:
    response = curator.post("/t/acme/matching/new/", pair_input(**{field: value}))

    assert list(form_errors(response)) == [field]


def test_edit__box_left_out__switched_off(acme: Tenant, curator: Client) -> None:
    pair = make_pair(acme)
    sent = pair_input(version=1)
    del sent["enabled"]

    curator.post(f"/t/acme/matching/{pair.uid}/", sent)

    pair.refresh_from_db()
    assert (pair.enabled, pair.a) == (False, "Pay now?")


def test_edit__saved_meanwhile__asks_again(acme: Tenant, curator: Client) -> None:
    pair = make_pair(acme)
    path = f"/t/acme/matching/{pair.uid}/"
    curator.post(path, pair_input(version=1))

    response = curator.post(path, pair_input(version=1, b="Pay never?"))

    assert "Someone saved this meanwhile." in text(response)


def test_delete__confirmed__gone(acme: Tenant, curator: Client) -> None:
    pair = make_pair(acme)

    curator.post(f"/t/acme/matching/{pair.uid}/delete/", {"version": 1})

    assert not NeverMergePair.objects.exists()


def test_pair__of_another_tenant__not_found(acme: Tenant, globex: Tenant, curator: Client) -> None:
    pair = make_pair(globex)

    assert curator.get(f"/t/acme/matching/{pair.uid}/").status_code == 404


def test_lexicon__lines_of_words__kept_as_groups(acme: Tenant, curator: Client) -> None:
    sent = lexicon_input(apart="pro, gold ,basic\n\nred, blue\n", opposites="check in, check out")

    curator.post(LEXICON, sent)

    lexicon = Lexicon.objects.get()
    assert lexicon.apart == [["pro", "gold", "basic"], ["red", "blue"]]
    assert lexicon.opposites == [["check in", "check out"]]


def test_lexicon__saved__shown_as_typed(acme: Tenant, curator: Client) -> None:
    curator.post(LEXICON, lexicon_input(alike="invoice, bill"))

    assert "invoice, bill</textarea>" in curator.get(LEXICON).content.decode()


def test_lexicon__lone_word__named_at_its_list(acme: Tenant, curator: Client) -> None:
    response = curator.post(LEXICON, lexicon_input(alike="invoice"))

    assert list(form_errors(response)) == ["alike"]


def test_lexicon__first_saved_by_two__second_sees_the_difference(
    acme: Tenant, curator: Client
) -> None:
    curator.post(LEXICON, lexicon_input(apart="pro, gold"))

    response = curator.post(LEXICON, lexicon_input(apart="red, blue"))

    assert response.context is not None
    difference = next(response.context["form"].differences())
    assert (difference.stored, difference.yours) == ("pro, gold", "red, blue")
