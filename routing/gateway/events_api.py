"""POST /v1/events: other systems say what has changed, and the answers that rest on it go.

An event is signed by its tenant's secret, not by an app key: whoever may ask questions need not be
able to empty the cache.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import logging
import time
from collections.abc import Callable, Coroutine, Iterable, Mapping
from typing import Any

import msgspec
from msgspec import Struct
from redis.asyncio import Redis

from routing import redis_names
from routing.active import ActiveConfig
from routing.connection import REDIS_FAILURES
from routing.errors import CallError
from routing.event_rules import event_tags
from routing.gateway.controls import MAX_LABEL_CHARS, read_label
from routing.gateway.http import (
    JSON_TYPE,
    ClientGone,
    Header,
    Receive,
    Scope,
    Send,
    read_body,
    send_answer,
    send_error,
)
from routing.gateway.json_body import JsonLimits, bad_request, decode_object
from routing.sealed import SecretBox, SecretUnreadable
from routing.snapshot import TenantConfig
from routing.store.tags import TagDropper
from routing.telemetry import metrics

logger = logging.getLogger(__name__)

TOLERANCE_SECONDS = 300
MAX_BODY_BYTES = 256 * 1024
_SEEN_SECONDS = 86_400
_AT_ONCE_SECONDS = 0.2
_REDIS_SECONDS = 3.0
_MAX_SIGNATURES = 8
MAX_EVENTS = 64
"""Under way at once; each holds its body, and Redis, for seconds at most."""

MAX_FINISHING = 32
"""Whose rest is dropped in the background at once; beyond it the collector does that."""

_FIELDS = frozenset({"name", "entity", "id", "payload"})
_NO_SECRET = b"no tenant has this secret"


class EventAnswer(Struct, frozen=True):
    """What became of an event. `removed` entries are gone; the rest follows when not `complete`."""

    accepted: bool = True
    duplicate: bool = False
    tags: tuple[str, ...] = ()
    removed: int = 0
    complete: bool = True


class _Head(Struct, frozen=True):
    slug: str
    signature: str
    content_length: int


class _Signature(Struct, frozen=True):
    at: str
    digests: tuple[str, ...]


class _News(Struct, frozen=True):
    name: str
    entity: str
    id: str
    payload: Mapping[str, object]


class EventsEndpoint:
    """The ASGI application that takes events.

    `active` gives the configuration in force, `background` runs what no sender waits for, `clock`
    gives epoch seconds.
    """

    def __init__(
        self,
        *,
        active: Callable[[], ActiveConfig | None],
        redis: Redis,
        secrets: SecretBox,
        limits: JsonLimits,
        background: Callable[[Coroutine[Any, Any, object]], object],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._active = active
        self._redis = redis
        self._dropper = TagDropper(redis, clock=clock)
        self._secrets = secrets
        self._limits = limits
        self._background = background
        self._clock = clock
        self._under_way = 0
        self._finishing = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        self._under_way += 1
        try:
            answer = await self._answer(scope, receive)
        except ClientGone:
            return
        except CallError as error:
            metrics.invalidation_event("refused")
            await send_error(send, error, headers=_error_headers(error))
        except Exception:
            metrics.invalidation_event("failed")
            logger.exception("events.failed")
            await send_error(
                send, CallError("The gateway failed.", status=500, code="internal_error")
            )
        else:
            await send_answer(send, msgspec.json.encode(answer), headers=[JSON_TYPE])
        finally:
            self._under_way -= 1

    async def _answer(self, scope: Scope, receive: Receive) -> EventAnswer:
        if scope["method"] != "POST":
            raise CallError("This endpoint takes POST.", status=405, code="method_not_allowed")
        if self._under_way > MAX_EVENTS:
            metrics.call_refused("overloaded")
            raise CallError(
                "Too many events are under way; send it again in a second.",
                status=503,
                code="overloaded",
            )
        head = _read_head(scope["headers"])
        body = await read_body(receive, content_length=head.content_length, limit=MAX_BODY_BYTES)
        active = self._active()
        if active is None:
            raise CallError(
                "The gateway has not received its configuration yet; try again shortly.",
                status=503,
                code="no_configuration",
            )
        signature = _read_signature(head.signature)
        tenant = self._authenticated(active, head.slug, signature, body)
        news = _read_news(body, limits=self._limits, signed_at=signature.at)
        try:
            async with asyncio.timeout(_REDIS_SECONDS):
                return await self._obey(tenant, news)
        except REDIS_FAILURES as error:
            metrics.cache_error("event")
            logger.warning("events.not_obeyed tenant=%s reason=%s", tenant.slug, error)
            raise CallError(
                "The cache is away; send the event again.", status=503, code="cache_unavailable"
            ) from error

    def _authenticated(
        self, active: ActiveConfig, slug: str, signature: _Signature, body: bytes
    ) -> TenantConfig:
        """The tenant whose secret signed `body`. An unknown tenant looks like a wrong signature."""
        if abs(self._clock() - float(signature.at)) > TOLERANCE_SECONDS:
            raise _unsigned(f"it is older, or newer, than {TOLERANCE_SECONDS} s")
        tenant = next((item for item in active.snapshot.tenants if item.slug == slug), None)
        keys = self._keys(tenant) if tenant is not None else [_NO_SECRET]
        signed = signature.at.encode() + b"." + body
        matches = [
            hmac.compare_digest(hmac.digest(key, signed, "sha256").hex(), digest)
            for key in keys
            for digest in signature.digests
        ]
        if tenant is None or not any(matches):
            raise _unsigned("no secret of the tenant makes it")
        if not tenant.enabled:
            raise CallError("The tenant is disabled.", status=403, code="tenant_disabled")
        return tenant

    def _keys(self, tenant: TenantConfig) -> list[bytes]:
        keys: list[bytes] = []
        for token in tenant.event_secrets:
            try:
                keys.append(self._secrets.open(token).encode())
            except SecretUnreadable as error:
                metrics.cache_error("event_secret")
                logger.error("events.secret_unreadable tenant=%s reason=%s", tenant.slug, error)
        return keys

    async def _obey(self, tenant: TenantConfig, news: _News) -> EventAnswer:
        tags = tuple(
            tag
            for tag in event_tags(
                tenant.event_rules, name=news.name, entity=news.entity, payload=news.payload
            )
            # No entry can carry a longer one.
            if len(tag) <= MAX_LABEL_CHARS
        )
        seen = redis_names.event_seen(tenant.uid, hashlib.sha256(news.id.encode()).hexdigest())
        if await self._redis.exists(seen):
            metrics.invalidation_event("duplicate")
            return EventAnswer(duplicate=True, tags=tags)
        if not tags:
            metrics.invalidation_event("unmatched")
            return EventAnswer()
        before = await self._dropper.begin(tenant.uid, tags)
        dropped = await self._dropper.drop(
            tenant.uid, tags, before=before, seconds=_AT_ONCE_SECONDS
        )
        if dropped.complete:
            await self._redis.set(seen, b"1", ex=_SEEN_SECONDS)
        elif self._finishing < MAX_FINISHING:
            self._finishing += 1
            self._background(self._finish(tenant.uid, tags, before=before, seen=seen))
        metrics.invalidation_event("matched")
        return EventAnswer(tags=tags, removed=dropped.removed, complete=dropped.complete)

    async def _finish(
        self, tenant: str, tags: tuple[str, ...], *, before: float, seen: str
    ) -> None:
        """Drop the rest. If this dies, the collector ends it, and the event may be sent again."""
        try:
            await self._dropper.drop(tenant, tags, before=before)
            await self._redis.set(seen, b"1", ex=_SEEN_SECONDS)
        except REDIS_FAILURES as error:
            metrics.cache_error("event")
            logger.warning("events.left_to_the_collector reason=%s", error)
        finally:
            self._finishing -= 1


def _read_head(headers: Iterable[Header]) -> _Head:
    found = dict(headers)
    length = found.get(b"content-length", b"")
    return _Head(
        slug=found.get(b"x-reprise-tenant", b"").decode("latin-1"),
        signature=found.get(b"x-reprise-signature", b"").decode("latin-1"),
        content_length=int(length) if length.isdigit() and len(length) < 19 else 0,
    )


def _read_signature(text: str) -> _Signature:
    """``t=<unix seconds>,v1=<hex>``, several ``v1`` allowed. Raises CallError (401)."""
    pairs = [part.strip().partition("=") for part in text.split(",", _MAX_SIGNATURES + 1)]
    times = [value for name, _, value in pairs if name == "t"]
    digests = tuple(value.lower() for name, _, value in pairs if name == "v1" and value.isascii())
    well_formed = (
        len(times) == 1 and times[0].isascii() and times[0].isdigit() and len(times[0]) < 13
    )
    if not well_formed or not 0 < len(digests) <= _MAX_SIGNATURES:
        raise _unsigned("send 'x-reprise-signature: t=<unix seconds>,v1=<hex HMAC-SHA256>'")
    return _Signature(at=times[0], digests=digests)


def _read_news(body: bytes, *, limits: JsonLimits, signed_at: str) -> _News:
    """The event in `body`; one without an id is known by its text and its time."""
    fields = decode_object(body, limits=limits)
    if unknown := sorted(fields.keys() - _FIELDS):
        raise bad_request(
            f"Unknown field {unknown[0]!r}; known are {', '.join(sorted(_FIELDS))}.",
            param=unknown[0],
            code="unknown_field",
        )
    payload = fields.get("payload")
    if payload is not None and not isinstance(payload, dict):
        raise bad_request("payload must be an object.", param="payload", code="invalid_type")
    given = fields.get("id")
    text_id = _required(given, "id") if given is not None else ""
    return _News(
        name=_required(fields.get("name"), "name"),
        entity=_required(fields.get("entity"), "entity"),
        # Apart from those that senders give.
        id=f"id:{text_id}" if text_id else f"body:{signed_at}:{hashlib.sha256(body).hexdigest()}",
        payload=payload or {},
    )


def _required(value: object, param: str) -> str:
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    text = read_label(value, param)
    if not text:
        raise bad_request(f"{param} must not be empty.", param=param)
    return text


def _unsigned(why: str) -> CallError:
    return CallError(
        f"The event is not signed as it must be: {why}.", status=401, code="invalid_signature"
    )


def _error_headers(error: CallError) -> list[Header]:
    if error.status == 405:
        return [(b"allow", b"POST")]
    return [(b"retry-after", b"1")] if error.status == 503 else []
