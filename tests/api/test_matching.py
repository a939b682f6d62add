"""Pairs that never merge, and the lexicon."""

from __future__ import annotations

from typing import Any

import pytest
from rest_framework.test import APIClient

from cache_admin.models import NeverMergePair, Tenant
from cache_admin.services.matching import PairSpec, create_pair
from tests.api.conftest import SETUP

PAIRS = "/api/v1/tenants/acme/never-merge/"
LEXICON = "/api/v1/tenants/acme/lexicon/"
ANY = {"If-Match": "*"}


@pytest.fixture
def pair(acme: Tenant) -> NeverMergePair:
    spec = PairSpec(a="How do I pay?", b="How do I get paid?")
    return create_pair(tenant=acme, actor=SETUP, spec=spec)


def test_pair__created__in_force_with_its_revision(curator: APIClient) -> None:
    response = curator.post(PAIRS, {"a": "Pay now?", "b": "Pay later?"})

    assert (response.status_code, response.headers["ETag"]) == (201, '"1"')
    assert response.json()["enabled"] is True
    assert "X-Revision" in response.headers


def test_pair__other_way_round__conflict(curator: APIClient, pair: NeverMergePair) -> None:
    response = curator.post(PAIRS, {"a": pair.b, "b": pair.a})

    assert (response.status_code, response.json()["error"]["code"]) == (409, "conflict")


@pytest.mark.parametrize(
    ("field", "value"), [("a", ""), ("b", "Pay NOW"), ("b", "x" * 501), ("c", "?"), ("enabled", 3)]
)
def test_pair__bad_value__refused_naming_the_field(
    curator: APIClient, field: str, value: object
) -> None:
    response = curator.post(PAIRS, {"a": "Pay now?", "b": "Pay later?"} | {field: value})

    assert list(response.json()["error"]["fields"]) == [field]


def test_pairs__searched__those_with_the_words(viewer: APIClient, pair: NeverMergePair) -> None:
    found = [viewer.get(PAIRS, {"q": words}).json()["results"] for words in ("GET paid", "cash")]

    assert [len(results) for results in found] == [1, 0]


def test_pair__switched_off__keeps_its_questions(curator: APIClient, pair: NeverMergePair) -> None:
    response = curator.patch(f"{PAIRS}{pair.uid}/", {"enabled": False}, headers=ANY)

    assert (response.json()["enabled"], response.json()["a"]) == (False, pair.a)


def test_pair__replaced_on_another_version__refused(
    curator: APIClient, pair: NeverMergePair
) -> None:
    body = {"a": "Pay now?", "b": "Pay later?"}

    response = curator.put(f"{PAIRS}{pair.uid}/", body, headers={"If-Match": '"4"'})

    assert response.status_code == 412


def test_pair__deleted__gone(curator: APIClient, pair: NeverMergePair) -> None:
    response = curator.delete(f"{PAIRS}{pair.uid}/", headers=ANY)

    assert (response.status_code, NeverMergePair.objects.count()) == (204, 0)


def test_pair__reached_through_another_tenant__does_not_exist(
    outsider: APIClient, pair: NeverMergePair
) -> None:
    response = outsider.get(f"/api/v1/tenants/globex/never-merge/{pair.uid}/")

    assert response.status_code == 404


def test_pairs__many_listed__take_the_same_queries(
    viewer: APIClient, acme: Tenant, django_assert_max_num_queries: Any
) -> None:
    for number in range(5):
        spec = PairSpec(a="Pay now?", b=f"Pay in {number} days?")
        create_pair(tenant=acme, actor=SETUP, spec=spec)

    with django_assert_max_num_queries(4):
        viewer.get(PAIRS)


def test_lexicon__never_saved__empty_at_version_one(viewer: APIClient) -> None:
    response = viewer.get(LEXICON)

    assert response.headers["ETag"] == '"1"'
    assert response.json() == {
        "version": 1,
        "opposites": [],
        "alike": [],
        "apart": [],
        "updated_at": None,
    }


def test_lexicon__patched__other_lists_stay(curator: APIClient) -> None:
    curator.put(LEXICON, {"apart": [["pro", "gold"]]}, headers={"If-Match": '"1"'})

    response = curator.patch(LEXICON, {"alike": [["mail", "e-mail"]]}, headers={"If-Match": '"2"'})

    body = response.json()
    assert (body["apart"], body["alike"], body["version"]) == (
        [["pro", "gold"]],
        [["mail", "e-mail"]],
        3,
    )


@pytest.mark.parametrize(
    ("name", "groups"),
    [
        ("opposites", [["open"]]),
        ("alike", ["mail"]),
        ("apart", [["pro", "x" * 61]]),
        ("friends", []),
    ],
)
def test_lexicon__bad_groups__refused_naming_the_list(
    curator: APIClient, name: str, groups: object
) -> None:
    response = curator.put(LEXICON, {name: groups}, headers=ANY)

    fields = response.json()["error"]["fields"]
    assert {field.partition(".")[0] for field in fields} == {name}


def test_lexicon__first_save_by_two__second_is_refused(curator: APIClient) -> None:
    first = {"If-Match": '"1"'}
    curator.put(LEXICON, {"apart": [["pro", "gold"]]}, headers=first)

    assert curator.put(LEXICON, {}, headers=first).status_code == 412


def test_lexicon__without_if_match__refused(curator: APIClient) -> None:
    assert curator.put(LEXICON, {}).status_code == 428
