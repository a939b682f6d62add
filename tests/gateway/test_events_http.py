"""POST /v1/events on a real Redis, mostly without the parts of a gateway that it does not use."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import socket
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx2
import msgspec
import pytest
import redis
from cryptography.fernet import Fernet
from redis.asyncio import Redis

from routing import redis_names
from routing.active import activate
from routing.gateway.app import Gateway
from routing.gateway.events_api import MAX_EVENTS, EventsEndpoint
from routing.gateway.json_body import JsonLimits
from routing.sealed import SecretBox
from routing.snapshot import EventRule
from routing.store.entries import EntryStore
from routing.store.tags import TagDropper
from tests.gateway.serving import Gateway as Served
from tests.gateway.serving import serve, wait_until
from tests.gateway.values import EVENT_SECRET
from tests.redis_server import RedisServer
from tests.routing.builders import entry, snapshot, tenant

ACME, GLOBEX = "uid-acme", "uid-globex"
KEY = Fernet.generate_key()
ACME_SECRET, OLD_SECRET, GLOBEX_SECRET = "whsec_acme", "whsec_old", "whsec_globex"
ORDER: dict[str, Any] = {"name": "order_updated", "entity": "7"}
NOW = int(time.time())


def sealed(secret: str) -> str:
    return Fernet(KEY).encrypt(secret.encode()).decode()


RULES = (
    EventRule(event="order_updated", tag="order:{id}"),
    EventRule(event="shop_closed", tag="shop:{payload.shop}"),
)
CONFIG = activate(
    snapshot(
        tenant("acme", event_rules=RULES, event_secrets=(sealed(OLD_SECRET), sealed(ACME_SECRET))),
        tenant("globex", event_rules=RULES, event_secrets=(sealed(GLOBEX_SECRET),)),
        tenant("closed", event_rules=RULES, event_secrets=(sealed(ACME_SECRET),), enabled=False,
               api_keys=()),
    )
)  # fmt: skip


@dataclass
class Events:
    """The endpoint, and the Redis behind it."""

    url: str
    redis_url: str
    client: redis.Redis
    background: list[Any] = field(default_factory=list)

    def send(
        self,
        body: Any = ORDER,
        *,
        slug: str = "acme",
        secret: str = ACME_SECRET,
        at: int | None = None,
        header: str | None = None,
    ) -> httpx2.Response:
        content = body if isinstance(body, bytes) else msgspec.json.encode(body)
        signature = signed(content, secret, at=at) if header is None else header
        headers = {b"x-reprise-tenant": slug.encode(), b"x-reprise-signature": signature.encode()}
        return httpx2.post(f"{self.url}/v1/events", content=content, headers=headers, timeout=10)

    def keep(
        self, *tags: str, tenant: str = ACME, entry_id: str = "e1", asked_at: float = NOW - 60
    ) -> None:
        """Have an answer stored that was asked a minute ago."""

        async def put() -> None:
            client = Redis.from_url(self.redis_url)
            kept = msgspec.structs.replace(
                entry(), tenant=tenant, entry_id=entry_id, tags=tags, created=NOW, expires=NOW + 600
            )
            store = EntryStore(fast=client, patient=client, budget_seconds=2)
            await store.put(kept, vector=None, rests_on={}, asked_at=asked_at)
            await client.aclose()

        asyncio.run(put())

    def has(self, *, tenant: str = ACME, entry_id: str = "e1") -> bool:
        return bool(self.client.exists(redis_names.entry(tenant, "p1", entry_id)))


def signed(body: bytes, *secrets: str, at: int | None = None) -> str:
    moment = int(time.time()) if at is None else at
    digests = [
        hmac.new(secret.encode(), f"{moment}.".encode() + body, hashlib.sha256).hexdigest()
        for secret in secrets
    ]
    return ",".join([f"t={moment}", *(f"v1={digest}" for digest in digests)])


@pytest.fixture
def events(redis_server: RedisServer, redis_client: redis.Redis) -> Iterator[Events]:
    connection, found = Redis.from_url(redis_server.url), Events("", redis_server.url, redis_client)

    @asynccontextmanager
    async def lifespan(_app: object) -> AsyncIterator[None]:
        yield
        await asyncio.gather(*found.background)
        await connection.aclose()

    app = Gateway(lifespan=lifespan)
    app.hot = {
        "/v1/events": EventsEndpoint(
            active=lambda: CONFIG,
            redis=connection,
            secrets=SecretBox(KEY.decode()),
            limits=JsonLimits(depth=32, nodes=1_000),
            background=lambda work: found.background.append(asyncio.ensure_future(work)),
        )
    }
    with serve(app) as found.url:
        yield found


def test_events__matching_rule__tagged_answers_gone(events: Events) -> None:
    events.keep("order:7")
    events.keep("order:8", entry_id="e2")

    response = events.send()

    assert (response.status_code, response.json()) == (
        200,
        {"accepted": True, "duplicate": False, "tags": ["order:7"], "removed": 1, "complete": True},
    )
    assert (events.has(), events.has(entry_id="e2")) == (False, True)


def test_events__field_of_the_payload__fills_the_tag(events: Events) -> None:
    events.keep("shop:north")

    events.send({"name": "shop_closed", "entity": "1", "payload": {"shop": "north"}})

    assert not events.has()


def test_events__number_as_entity__as_its_digits(events: Events) -> None:
    assert events.send({"name": "order_updated", "entity": 7}).json()["tags"] == ["order:7"]


def test_events__other_tenants_answers__kept(events: Events) -> None:
    events.keep("order:7", tenant=GLOBEX)

    events.send()

    assert events.has(tenant=GLOBEX)


def test_events__no_rule_for_it__accepted_with_nothing_to_do(events: Events) -> None:
    response = events.send({"name": "weather_changed", "entity": "7"})

    assert (response.status_code, response.json()["tags"]) == (200, [])


def test_events__same_id_twice__done_once(events: Events) -> None:
    events.send({**ORDER, "id": "evt-1"})
    events.keep("order:7", asked_at=time.time())

    second = events.send({**ORDER, "id": "evt-1"}).json()

    assert (second["accepted"], second["duplicate"], second["tags"]) == (True, True, ["order:7"])
    assert events.has()


def test_events__same_id_of_another_tenant__done(events: Events) -> None:
    events.send({**ORDER, "id": "evt-1"})

    other = events.send({**ORDER, "id": "evt-1"}, slug="globex", secret=GLOBEX_SECRET)

    assert not other.json()["duplicate"]


def test_events__replayed_without_an_id__duplicate(events: Events) -> None:
    at = int(time.time())
    events.send(at=at)

    assert events.send(at=at).json()["duplicate"]


def test_events__sent_again_later_without_an_id__done_again(events: Events) -> None:
    now = int(time.time())
    events.send(at=now - 5)

    assert not events.send(at=now).json()["duplicate"]


def test_events__failed_first_try__can_be_repeated(events: Events) -> None:
    events.keep("order:7")
    events.client.set(redis_names.unfinished(ACME), "not a hash")
    failed = events.send({**ORDER, "id": "evt-1"})
    events.client.delete(redis_names.unfinished(ACME))

    repeated = events.send({**ORDER, "id": "evt-1"}).json()

    assert (failed.status_code, failed.headers["retry-after"]) == (503, "1")
    assert (repeated["duplicate"], repeated["removed"]) == (False, 1)


def test_events__more_than_fits_into_the_request__rest_follows(
    events: Events, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("routing.gateway.events_api._AT_ONCE_SECONDS", 0.0)
    for number in range(60):
        events.keep("order:7", entry_id=f"e{number}")

    answer = events.send({**ORDER, "id": "evt-1"}).json()

    assert not answer["complete"]
    assert answer["removed"] < 60
    wait_until(lambda: not events.client.keys(redis_names.entry(ACME, "p1", "*")), seconds=10)
    wait_until(lambda: events.send({**ORDER, "id": "evt-1"}).json()["duplicate"], seconds=10)


SIGNATURES: dict[str, dict[str, Any]] = {
    "another secret": {"secret": "whsec_wrong"},
    "another tenant's secret": {"secret": GLOBEX_SECRET},
    "unknown tenant": {"slug": "nobody"},
    "no tenant": {"slug": ""},
    "tenant without secrets": {"slug": "closed", "secret": "x"},
    "too old": {"at": NOW - 1_000},
    "too new": {"at": NOW + 1_000},
    "none": {"header": ""},
    "no time": {"header": "v1=00"},
    "no digest": {"header": f"t={NOW}"},
    "two times": {"header": f"t={NOW},t={NOW},v1=00"},
    "time with a sign": {"header": f"t=-{NOW},v1=00"},
    "too many digests": {"header": f"t={NOW}" + ",v1=00" * 50},
    "digest that is no text": {"header": f"t={NOW},v1=\xe9"},
}


@pytest.mark.parametrize("case", SIGNATURES.values(), ids=SIGNATURES.keys())
def test_events__not_signed_as_it_must_be__401_and_nothing_done(
    events: Events, case: dict[str, Any]
) -> None:
    events.keep("order:7")

    response = events.send(**case)

    assert (response.status_code, response.json()["error"]["code"]) == (401, "invalid_signature")
    assert events.has()


def test_events__unknown_tenant_and_wrong_secret__the_same_answer(events: Events) -> None:
    unknown, wrong = events.send(slug="nobody"), events.send(secret="whsec_wrong")

    assert (unknown.status_code, unknown.content) == (wrong.status_code, wrong.content)


def test_events__body_changed_on_the_way__401(events: Events) -> None:
    header = signed(msgspec.json.encode(ORDER), ACME_SECRET)

    assert events.send({**ORDER, "entity": "8"}, header=header).status_code == 401


@pytest.mark.parametrize("secrets", [("whsec_x", ACME_SECRET), (OLD_SECRET,)])
def test_events__one_of_several_signatures_or_secrets__accepted(
    events: Events, secrets: tuple[str, ...]
) -> None:
    body = msgspec.json.encode(ORDER)

    assert events.send(body, header=signed(body, *secrets)).status_code == 200


def test_events__disabled_tenant__403(events: Events) -> None:
    response = events.send(slug="closed")

    assert (response.status_code, response.json()["error"]["code"]) == (403, "tenant_disabled")


BODIES: dict[str, tuple[Any, str | None]] = {
    "no JSON": (b"{", None),
    "a list": (b"[]", None),
    "no name": ({"entity": "7"}, "name"),
    "empty entity": ({"name": "order_updated", "entity": ""}, "entity"),
    "entity of another type": ({"name": "order_updated", "entity": [7]}, "entity"),
    "true as entity": ({"name": "order_updated", "entity": True}, "entity"),
    "control character": ({"name": "order_updated", "entity": "7\n"}, "entity"),
    "long id": ({**ORDER, "id": "x" * 200}, "id"),
    "payload as text": ({**ORDER, "payload": "x"}, "payload"),
    "unknown field": ({**ORDER, "extra": 1}, "extra"),
    "deep payload": (b'{"name": "n", "entity": "7", "payload": ' + b'{"a":' * 40 + b"1" + b"}" * 41,
                     None),
}  # fmt: skip


@pytest.mark.parametrize(("body", "param"), BODIES.values(), ids=BODIES.keys())
def test_events__wrong_body__400_naming_the_field(
    events: Events, body: Any, param: str | None
) -> None:
    response = events.send(body)

    assert (response.status_code, response.json()["error"]["param"]) == (400, param)


def test_events__body_too_large__413(events: Events) -> None:
    body = msgspec.json.encode({**ORDER, "payload": {"text": "x" * 300_000}})

    assert events.send(body).status_code == 413


def test_events__another_method__405(events: Events) -> None:
    response = httpx2.get(f"{events.url}/v1/events")

    assert (response.status_code, response.headers["allow"]) == (405, "POST")


async def test_tag_dropper__begun_by_one_that_died__ended_by_another(
    redis_client: redis.Redis, redis_url: str
) -> None:
    client = Redis.from_url(redis_url)
    store = EntryStore(fast=client, patient=client, budget_seconds=2)
    kept = msgspec.structs.replace(entry(), tags=("order:7",), created=NOW, expires=NOW + 600)
    await store.put(kept, vector=None, rests_on={}, asked_at=NOW - 60)
    await TagDropper(client).begin(ACME, ("order:7",))

    at_once = await TagDropper(client).finish_abandoned(ACME)
    later = await TagDropper(client, clock=lambda: time.time() + 20).finish_abandoned(ACME)

    assert (at_once, later) == (0, 1)
    assert not redis_client.exists(redis_names.unfinished(ACME))
    await client.aclose()


@pytest.mark.model
def test_events__answer_stored_by_a_call__not_served_after_the_event(gateway: Served) -> None:
    def ask() -> str:
        headers = {"x-cache-tags": "order:7"}
        return str(gateway.ask("Where is my order 7?", headers=headers).headers["x-cache-layer"])

    wait_until(lambda: ask() == "exact")
    body = msgspec.json.encode(ORDER)
    headers = {"x-reprise-tenant": "acme", "x-reprise-signature": signed(body, EVENT_SECRET)}

    response = gateway.post("/v1/events", body, key="", headers=headers)

    assert (response.json()["removed"], ask()) == (1, "none")


def test_events__too_many_under_way__503_with_the_time_to_come_back(events: Events) -> None:
    host, _, port = events.url.removeprefix("http://").partition(":")
    begun = b"POST /v1/events HTTP/1.1\r\nhost: acme\r\ncontent-length: 9\r\n\r\n"
    with ExitStack() as connections:
        for _ in range(MAX_EVENTS):
            connection = socket.create_connection((host, int(port)), timeout=10)
            connections.enter_context(connection).sendall(begun)
        wait_until(lambda: events.send().status_code == 503)

        response = events.send()

    assert response.json()["error"]["code"] == "overloaded"
    assert response.headers["retry-after"] == "1"
    wait_until(lambda: events.send().status_code == 200)
