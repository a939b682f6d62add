from __future__ import annotations

from typing import Any

import httpx2
import openai
import pytest

from tests.gateway.serving import Gateway
from tests.gateway.values import CLOSED_KEY, EXPIRED_KEY, REPORTS_KEY
from tests.routing.builders import ACME_KEY

pytestmark = pytest.mark.model


@pytest.mark.parametrize(
    ("key", "status", "code"),
    [
        ("", 401, "missing_api_key"),
        ("rp_wrong", 401, "invalid_api_key"),
        (EXPIRED_KEY, 401, "invalid_api_key"),
        (CLOSED_KEY, 403, "tenant_disabled"),
        (REPORTS_KEY, 403, "missing_scope"),
    ],
)
@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/cache/lookup", "/v1/cache/store"])
def test_access__unfit_key__refused_in_openais_shape(
    gateway: Gateway, path: str, key: str, status: int, code: str
) -> None:
    response = gateway.post(path, {"query": "Q"}, key=key)

    assert response.status_code == status
    assert response.json()["error"].keys() == {"message", "type", "param", "code"}
    assert response.json()["error"]["code"] == code


def test_access__unknown_key__official_client_raises_its_own_error(gateway: Gateway) -> None:
    with gateway.client("rp_wrong") as client, pytest.raises(openai.AuthenticationError):
        client.models.list()


def test_access__x_api_key__works_too(gateway: Gateway) -> None:
    response = httpx2.get(f"{gateway.url}/v1/models", headers={"x-api-key": ACME_KEY})

    assert response.status_code == 200


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/cache/lookup", "/v1/cache/store"])
def test_header__control_sent_twice__400_naming_it(gateway: Gateway, path: str) -> None:
    headers = [
        ("authorization", f"Bearer {ACME_KEY}"),
        ("x-cache-user", "u1"),
        ("x-cache-user", "u2"),
    ]

    response = httpx2.post(gateway.url + path, content=b"{}", headers=headers)

    assert (response.status_code, response.json()["error"]["param"]) == (400, "x-cache-user")


def test_body__too_large__413(gateway: Gateway) -> None:
    response = gateway.ask("x" * 100_001)

    assert (response.status_code, response.json()["error"]["code"]) == (413, "body_too_large")


def test_body__too_large_without_a_length__413(gateway: Gateway) -> None:
    def pieces() -> Any:
        yield from [b"x" * 60_000] * 2

    response = httpx2.post(
        f"{gateway.url}/v1/chat/completions",
        content=pieces(),
        headers={"authorization": f"Bearer {ACME_KEY}"},
    )

    assert response.status_code == 413


def test_body__wrong__400_with_an_event(gateway: Gateway) -> None:
    response = gateway.post("/v1/chat/completions", b'{"model": "m"}')

    assert (response.status_code, response.json()["error"]["param"]) == (400, "messages")
    event = gateway.event(response)
    assert (event.status, event.error, event.result) == (400, "invalid_value", "bypass")


def test_method__get__405(gateway: Gateway) -> None:
    response = httpx2.get(f"{gateway.url}/v1/chat/completions")

    assert (response.status_code, response.headers["allow"]) == (405, "POST")


def test_path__unknown__404_in_openais_shape(gateway: Gateway) -> None:
    response = httpx2.get(f"{gateway.url}/v1/nothing")

    assert (response.status_code, response.json()["error"]["code"]) == (404, "not_found")


def test_models__official_client__lists_routes_and_priced_models(gateway: Gateway) -> None:
    with gateway.client() as client:
        assert [model.id for model in client.models.list()] == ["gpt-5-mini", "small"]


def test_healthz__running__ok(gateway: Gateway) -> None:
    assert httpx2.get(f"{gateway.url}/healthz").json() == {"status": "ok"}


def test_readyz__running__ready_with_the_revision(gateway: Gateway) -> None:
    body = httpx2.get(f"{gateway.url}/readyz").json()

    assert (body["status"], body["reasons"], body["revision"]) == ("ready", [], 1)


def test_metrics__this_machine__readable_without_a_token(gateway: Gateway) -> None:
    gateway.ask("when are you open")

    response = httpx2.get(f"{gateway.url}/metrics")

    assert 'semantic_cache_requests_total{result="hit"}' in response.text


def test_metrics__through_a_proxy__refused(gateway: Gateway) -> None:
    response = httpx2.get(f"{gateway.url}/metrics", headers={"x-forwarded-for": "127.0.0.1"})

    assert (response.status_code, response.json()["error"]["code"]) == (403, "metrics_forbidden")
