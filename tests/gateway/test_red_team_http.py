"""Attempts of one tenant or user to be served another's answer, over the wire."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from routing.normalize import normalize_query
from tests.gateway.serving import Gateway, wait_until
from tests.routing.builders import ACME_KEY, GLOBEX_KEY

pytestmark = pytest.mark.model

SECRET = "Our merger closes on Friday."


@pytest.fixture
def stored(gateway: Gateway) -> str:
    """An answer of acme to a question that globex may guess; returns the entry's id."""
    kept = gateway.post(
        "/v1/cache/store",
        {"query": "When does the merger close?", "answer": SECRET, "tags": ["board"]},
    )
    assert kept.status_code == 201
    return str(kept.json()["entry_id"])


def look(gateway: Gateway, *, key: str = GLOBEX_KEY, headers: Any = None, **fields: Any) -> Any:
    body = {"query": "When does the merger close?"} | fields
    return gateway.post("/v1/cache/lookup", body, key=key, headers=headers)


def test_lookup__the_owner__finds_it(gateway: Gateway, stored: str) -> None:
    found = look(gateway, key=ACME_KEY)

    assert (found.json()["answer"], found.json()["entry_id"]) == (SECRET, stored)


@pytest.mark.parametrize(
    "headers",
    [
        {"x-reprise-tenant": "acme"},
        {"x-cache-tags": "board"},
        {"x-cache-user": "uid-acme"},
        {"x-cache-min-similarity": "0"},
        {"x-cache-policy": "default"},
        {"x-cache-endpoint": "acme"},
        {"x-forwarded-for": "127.0.0.1"},
    ],
)
def test_lookup__other_tenant_with_a_telling_header__nothing(
    gateway: Gateway, stored: str, headers: dict[str, str]
) -> None:
    assert SECRET not in look(gateway, headers=headers).text


@pytest.mark.parametrize(
    "fields",
    [
        {"tags": ["board"]},
        {"user": "uid-acme"},
        {"user": "}:e:"},
        {"context": ""},
        {"context": {"tenant": "uid-acme"}},
        {"model": "uid-acme"},
        {"min_similarity": 0.0},
        {"answer_id": "board"},
        {"language": "en"},
        {"entry_id": "board"},
        {"tenant": "uid-acme"},
    ],
)
def test_lookup__other_tenant_with_a_telling_field__nothing(
    gateway: Gateway, stored: str, fields: dict[str, Any]
) -> None:
    assert SECRET not in look(gateway, **fields).text


def test_lookup__other_tenant_names_the_entry__nothing(gateway: Gateway, stored: str) -> None:
    partition, entry = stored.split(".")

    for query in (stored, entry, partition, f"{{{partition}}}:e:{entry}"):
        assert SECRET not in look(gateway, query=query).text


@pytest.mark.parametrize(
    "alike",
    [
        "When does the m\u0435rger close?",
        "\uff37hen does the merger close?",
        "When does the merger close?\u200b",
        "When does the merger close\u037e",
        "When does the merger close?\u0000",
    ],
)
def test_lookup__look_alike_question_of_another_tenant__nothing(
    gateway: Gateway, stored: str, alike: str
) -> None:
    assert SECRET not in look(gateway, query=alike).text


def test_normalise__look_alike_letters__stay_apart() -> None:
    assert normalize_query("p\u0430ypal") != normalize_query("paypal")


USER_LIKE: dict[str, Callable[[str], str]] = {
    "upper case": str.upper,
    "blank after": lambda user: f"{user} ",
    "blank before": lambda user: f" {user}",
    "cyrillic": lambda user: user.replace("a", "\u0430"),
    "full width": lambda user: user.replace("a", "\uff41"),
    "joined": lambda user: f"{user}:bob",
    "beginning": lambda user: user[:-1],
    "composed": lambda user: f"{user}\u0301",
}


@pytest.mark.parametrize("trick", USER_LIKE)
def test_lookup__user_like_the_owner__nothing(gateway: Gateway, trick: str) -> None:
    mine = {"query": "What do I owe?", "policy": "personal"}
    gateway.post("/v1/cache/store", mine | {"answer": "Ana owes 12 EUR.", "user": "ana"})

    body = mine | {"user": USER_LIKE[trick]("ana")}
    assert "Ana owes" not in gateway.post("/v1/cache/lookup", body).text


def test_user__given_twice__body_and_header_cannot_be_played_off(gateway: Gateway) -> None:
    mine = {"query": "What did I pay?", "policy": "personal"}
    gateway.post("/v1/cache/store", mine | {"answer": "Ana paid 9 EUR.", "user": "ana"})

    body = mine | {"user": "bob"}
    found = gateway.post("/v1/cache/lookup", body, headers={"x-cache-user": "ana"})

    assert "Ana paid" not in found.text


def test_chat__parts_that_move_between_fields__not_the_same_context(gateway: Gateway) -> None:
    """Text moved from the system prompt into the first turn must not look like the same context."""
    instructed = [{"role": "system", "content": "S"}, {"role": "user", "content": "T"}]
    moved = [{"role": "user", "content": "S"}, {"role": "user", "content": "T"}]
    question = {"role": "user", "content": "Which colour has the boat?"}

    def layer(messages: list[dict[str, str]]) -> str:
        body = {"model": "gpt-5-mini", "messages": [*messages, question]}
        return gateway.post("/v1/chat/completions", body).headers["x-cache-layer"]

    layer(instructed)
    wait_until(lambda: layer(instructed) == "exact")

    assert layer(moved) == "none"
