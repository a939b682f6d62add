"""POST /v1/cache/lookup and /v1/cache/store, for apps that call their model themselves."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from msgspec import Struct

from routing.cacheability import Said
from routing.canonical import canonical_json
from routing.engine import Engine
from routing.errors import CacheUnavailable, CallError
from routing.gateway.accounting import book_hit
from routing.gateway.controls import read_controls
from routing.gateway.endpoint import Exchange
from routing.gateway.headers import decision_header, hit_headers, pass_headers, store_headers
from routing.gateway.http import JSON_TYPE, send_answer
from routing.gateway.json_body import JsonLimits, bad_request, decode_object
from routing.gateway.keeping import reason_not_to_store
from routing.gateway.record import CallRecord
from routing.gateway.request import query_bypass, read_model
from routing.ledger import MAX_TOKENS, OpenAIUsage, completion_cost, usage_from_openai
from routing.prices import NO_TOKENS, Usage
from routing.telemetry.events import Layer
from routing.telemetry.metrics import answer_not_stored
from routing.types import Call, Completion, Context, Controls

_CONTROL_FIELDS = (
    "policy", "user", "tags", "documents", "endpoint", "min_similarity", "ttl_seconds", "explain",
    "language",
)  # fmt: skip
_CONTROLS_IN_BODY = (*_CONTROL_FIELDS, "answer_id")
_LOOKUP_FIELDS = frozenset({"query", "context", "model", *_CONTROL_FIELDS})
_STORE_FIELDS = _LOOKUP_FIELDS | {"answer", "usage", "answer_id"}


class LookupAnswer(Struct, frozen=True):
    """What the cache knows for a query; all but the last two are empty on a miss."""

    hit: bool
    layer: Layer
    answer: str | None
    similarity: float | None
    entry_id: str | None
    age_seconds: int | None
    response_id: str


class StoreAnswer(Struct, frozen=True):
    """Where an answer was put and until when (UTC, RFC 3339)."""

    stored: bool
    entry_id: str
    expires_at: datetime


class CacheApi:
    """Handles lookups and stores."""

    def __init__(self, *, engine: Engine, limits: JsonLimits) -> None:
        self._engine = engine
        self._limits = limits

    async def lookup(self, exchange: Exchange) -> None:
        """Answer from the cache alone. Raises CallError."""
        record = exchange.record
        body = self._decode(exchange, known=_LOOKUP_FIELDS)
        call = record.call = _call(body, exchange)
        lookup = record.lookup = await self._engine.lookup(call, record.active)
        decision, answer = lookup.decision, lookup.answer
        if answer is not None:
            headers = hit_headers(answer, decision, response_id=record.id)
            book_hit(record, call, answer)
        else:
            headers = pass_headers(decision, response_id=record.id, cost_nanousd=0)
        if call.controls.explain:
            headers.append(decision_header(decision))
        found = LookupAnswer(
            hit=answer is not None,
            layer=decision.layer,
            answer=answer.text if answer else None,
            similarity=decision.similarity,
            entry_id=answer.entry_id if answer else None,
            age_seconds=answer.age_seconds if answer else None,
            response_id=record.id,
        )
        record.finish(200)
        await send_answer(exchange.send, msgspec.json.encode(found), headers=[JSON_TYPE, *headers])

    async def store(self, exchange: Exchange) -> None:
        """Keep an answer the app brings. Raises CallError; 503 when the cache is away."""
        record = exchange.record
        body = self._decode(exchange, known=_STORE_FIELDS)
        call = _call(body, exchange)
        _refuse_contradiction(call.controls)
        answer = _text(body, "answer")
        usage = _usage(body.get("usage"))
        if not self._engine.cache_available:
            raise _cache_away("redis")
        try:
            plan = self._engine.plan(call, record.active)
        except CacheUnavailable as error:
            raise _cache_away(error.stage) from error
        if isinstance(plan, str):
            raise bad_request(
                f"The cache has no place for this answer: {plan}.", param=None, code=plan
            )
        if reason := reason_not_to_store(Said(text=answer), call, plan):
            answer_not_stored(reason)
            raise bad_request(
                f"The policy does not keep this answer: {reason}.", param="answer", code=reason
            )
        stored_at = datetime.now(UTC)
        completion = Completion(
            text=answer,
            model=call.model,
            usage=usage,
            cost_nanousd=_cost(record, call, usage, at=stored_at),
        )
        if not await self._engine.store(plan, completion):
            raise _cache_away("store")
        kept = StoreAnswer(
            stored=True,
            entry_id=f"{plan.partition}.{plan.entry_id}",
            expires_at=stored_at.replace(microsecond=0) + timedelta(seconds=plan.ttl_seconds),
        )
        headers = store_headers(revision=record.active.revision, response_id=record.id)
        await send_answer(
            exchange.send, msgspec.json.encode(kept), headers=[JSON_TYPE, *headers], status=201
        )

    def _decode(self, exchange: Exchange, *, known: frozenset[str]) -> dict[str, Any]:
        body = decode_object(exchange.body, limits=self._limits)
        if unknown := sorted(body.keys() - known):
            raise bad_request(
                f"Unknown field {unknown[0]!r}; known are {', '.join(sorted(known))}.",
                param=unknown[0],
                code="unknown_field",
            )
        return body


def _call(body: Mapping[str, Any], exchange: Exchange) -> Call:
    context = body.get("context")
    query = _text(body, "query")
    controls = {name: body[name] for name in _CONTROLS_IN_BODY if name in body}
    return Call(
        tenant=exchange.record.grant.tenant.config.uid,
        protocol="cache_api",
        model=read_model(body["model"]) if body.get("model") is not None else "",
        query=query,
        context=Context(other=b"" if context is None else canonical_json(context)),
        controls=read_controls(controls, headers=exchange.head.cache_headers),
        bypass_reason=query_bypass(query),
    )


def _refuse_contradiction(controls: Controls) -> None:
    """Obeyed, they would keep nothing; ignored, they would be lies."""
    contradicting = {"x-cache-bypass": controls.bypass, "x-cache-no-store": controls.no_store}
    for name, given in contradicting.items():
        if given:
            raise bad_request(f"{name} contradicts storing; leave it out.", param=name)


def _cache_away(stage: str) -> CallError:
    return CallError(
        f"The cache is away ({stage}); store the answer later.",
        status=503,
        code="cache_unavailable",
    )


def _text(body: Mapping[str, Any], field: str) -> str:
    value = body.get(field)
    if not isinstance(value, str) or not value.strip():
        raise bad_request(f"{field} must be a text.", param=field)
    return value


def _usage(value: object) -> Usage:
    """OpenAI's token counts, or ours by name."""
    if value is None:
        return NO_TOKENS
    try:
        if isinstance(value, dict) and "prompt_tokens" in value:
            counted = msgspec.convert(value, OpenAIUsage)
            _check_counts(counted.prompt_tokens, counted.completion_tokens)
            return usage_from_openai(counted)
        usage = msgspec.convert(value, Usage)
    except msgspec.ValidationError as error:
        raise bad_request(
            f"usage is neither OpenAI's usage object nor one of {_USAGE_FIELDS}: {error}.",
            param="usage",
            code="invalid_type",
        ) from None
    _check_counts(*msgspec.structs.astuple(usage))
    return usage


def _check_counts(*counts: int) -> None:
    if min(counts) < 0 or max(counts) > MAX_TOKENS:
        raise bad_request(f"usage holds a count below 0 or above {MAX_TOKENS}.", param="usage")


def _cost(record: CallRecord, call: Call, usage: Usage, *, at: datetime) -> int:
    active = record.active
    cost = completion_cost(
        usage, models=(call.model,), price_of=lambda model: active.price(model, at=at)
    )
    return cost.nanousd


_USAGE_FIELDS = ", ".join(Usage.__struct_fields__)
