from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import pytest

from tests.gateway.serving import Gateway
from tests.routing.builders import GLOBEX_KEY

pytestmark = pytest.mark.model


def lookup(gateway: Gateway, query: str, **fields: Any) -> httpx2.Response:
    key = fields.pop("key", None)
    return gateway.post(
        "/v1/cache/lookup", {"query": query, **fields}, **({"key": key} if key else {})
    )


def store(gateway: Gateway, query: str, **fields: Any) -> httpx2.Response:
    return gateway.post("/v1/cache/store", {"query": query, **fields})


def test_lookup__nothing_stored__miss(gateway: Gateway) -> None:
    response = lookup(gateway, "Is anything here?")

    body = response.json()
    assert (body["hit"], body["layer"], body["answer"]) == (False, "none", None)
    assert body["response_id"] == response.headers["x-response-id"]


def test_lookup__stored__hit(gateway: Gateway) -> None:
    kept = store(gateway, "What colour is it?", answer="Blue.").json()

    body = lookup(gateway, "What colour is it?").json()

    assert (body["hit"], body["layer"], body["answer"]) == (True, "exact", "Blue.")
    assert (body["similarity"], body["entry_id"]) == (1.0, kept["entry_id"])


def test_lookup__curated_question__hit(gateway: Gateway) -> None:
    body = lookup(gateway, "When are you open?").json()

    assert (body["layer"], body["answer"]) == ("faq", "From nine to five.")


@pytest.mark.parametrize(
    "other",
    [
        pytest.param({"context": {"shop": 2}}, id="context"),
        pytest.param({"model": "m2"}, id="model"),
        pytest.param({"policy": "manual"}, id="policy"),
        pytest.param({"documents": ["manual"]}, id="document"),
        pytest.param({"key": GLOBEX_KEY}, id="tenant"),
    ],
)
def test_lookup__another_key_part__miss(gateway: Gateway, other: dict[str, Any]) -> None:
    same = {"context": {"shop": 1}, "model": "m1", "policy": "default"}
    store(gateway, "Where is the shop?", answer="Here.", **same)

    assert not lookup(gateway, "Where is the shop?", **(same | other)).json()["hit"]


def test_lookup__expired_and_only_the_app_can_renew_it__miss(gateway: Gateway) -> None:
    store(gateway, "Is it still so?", answer="Yes.", policy="renewed")
    time.sleep(1.1)

    assert not lookup(gateway, "Is it still so?", policy="renewed").json()["hit"]


def test_lookup__context_fields_in_another_order__hit(gateway: Gateway) -> None:
    store(gateway, "Which floor?", answer="Third.", context={"a": 1, "b": 2.0})

    assert lookup(gateway, "Which floor?", context={"b": 2, "a": 1}).json()["hit"]


def test_lookup__hit__event_books_the_stored_usage(gateway: Gateway) -> None:
    usage = {"prompt_tokens": 1000, "completion_tokens": 100}
    store(gateway, "How tall is it?", answer="Tall.", usage=usage, model="gpt-5-mini")

    event = gateway.event(lookup(gateway, "How tall is it?", model="gpt-5-mini"))

    assert event.avoided_nanousd.exact == 1000 * 250 + 100 * 2000
    assert (event.protocol, event.cost_nanousd) == ("cache_api", 0)


def test_store__new_answer__201_with_its_expiry(gateway: Gateway) -> None:
    response = store(gateway, "Until when?", answer="Soon.", ttl_seconds=60)

    left = datetime.fromisoformat(response.json()["expires_at"]) - datetime.now(UTC)
    assert response.status_code == 201
    assert timedelta(seconds=50) < left <= timedelta(seconds=60)


def test_store__new_answer__headers_tell_the_configuration_and_the_call(gateway: Gateway) -> None:
    headers = store(gateway, "Which revision?", answer="The first.").headers

    assert headers["x-snapshot-revision"] == "1"
    assert len(headers["x-response-id"]) == 36


@pytest.mark.parametrize("header", ["x-cache-bypass", "x-cache-no-store"])
def test_store__told_not_to_store__400_naming_the_contradiction(
    gateway: Gateway, header: str
) -> None:
    response = gateway.post(
        "/v1/cache/store", {"query": "Q?", "answer": "A."}, headers={header: "1"}
    )

    assert (response.status_code, response.json()["error"]["param"]) == (400, header)


def test_lookup__bypass__passes_what_is_stored(gateway: Gateway) -> None:
    store(gateway, "Is it passed?", answer="No.")

    response = gateway.post(
        "/v1/cache/lookup", {"query": "Is it passed?"}, headers={"x-cache-bypass": "1"}
    )

    assert not response.json()["hit"]


def test_store__again__replaces_the_answer(gateway: Gateway) -> None:
    store(gateway, "Which version?", answer="One.")
    store(gateway, "Which version?", answer="Two.")

    assert lookup(gateway, "Which version?").json()["answer"] == "Two."


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"answer": ""}, "answer"),
        ({"answer": 5}, "answer"),
        ({"answer": "A", "usage": "many"}, "usage"),
        ({"answer": "A", "usage": {"input_tokens": -1}}, "usage"),
        ({"answer": "A", "usage": {"input_tokens": 2**62}}, "usage"),
        ({"answer": "A", "usage": {"prompt_tokens": 2**62}}, "usage"),
        ({"answer": "A", "usage": {"prompt_tokens": "x"}}, "usage"),
        ({"answer": "A", "ttl": 5}, "ttl"),
        ({"answer": "A", "tags": "x"}, "cache.tags"),
        ({"answer": "A", "tags": [f"t{number}" for number in range(1_000)]}, "cache.tags"),
    ],
)
def test_store__wrong_field__400_naming_it(
    gateway: Gateway, fields: dict[str, Any], param: str
) -> None:
    response = store(gateway, "Q?", **fields)

    assert (response.status_code, response.json()["error"]["param"]) == (400, param)


def test_store__answer_the_policy_does_not_keep__400_saying_why(gateway: Gateway) -> None:
    response = store(gateway, "Whom do I write to?", answer="Write to ana@globex.io.")

    error = response.json()["error"]
    assert (response.status_code, error["param"]) == (400, "answer")
    assert error["code"] == "personal_email"


def test_store__policy_that_needs_a_user__400_saying_so(gateway: Gateway) -> None:
    response = store(gateway, "My balance?", answer="5", policy="personal")

    assert (response.status_code, response.json()["error"]["code"]) == (400, "user_missing")
