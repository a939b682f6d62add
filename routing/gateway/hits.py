"""Answering from the cache: fresh, brought by another call meanwhile, or stale."""

from __future__ import annotations

import time

import msgspec

from routing.gateway.accounting import book_hit
from routing.gateway.endpoint import Exchange
from routing.gateway.headers import NO_BUFFERING, SSE_TYPE, Manner, decision_header, hit_headers
from routing.gateway.http import JSON_TYPE, send_answer
from routing.gateway.replay import completion_body, stream_body
from routing.gateway.request import ChatRequest
from routing.types import Answer, LayerVerdict, Lookup

_REASONS: dict[Manner, str] = {
    "collapsed": "coalesced",
    "stale-while-revalidate": "stale_while_revalidate",
    "stale-if-error": "stale_if_error",
}


async def send_hit(
    exchange: Exchange,
    request: ChatRequest,
    lookup: Lookup,
    answer: Answer,
    *,
    manner: Manner = "fresh",
) -> None:
    """Send `answer` of `lookup` as the app asked for it, whole or as a stream."""
    record, model = exchange.record, request.call.model
    created = int(time.time())
    headers = hit_headers(answer, lookup.decision, response_id=record.id, manner=manner)
    if request.stream:
        headers += (SSE_TYPE, *NO_BUFFERING)
        body = stream_body(
            answer,
            response_id=record.id,
            model=model,
            created=created,
            include_usage=request.include_usage,
        )
    else:
        headers.append(JSON_TYPE)
        body = completion_body(answer, response_id=record.id, model=model, created=created)
    if request.call.controls.explain:
        headers.append(decision_header(lookup.decision))
    if reason := _REASONS.get(manner):
        record.notes.append(reason)
    book_hit(record, request.call, answer)
    record.finish(200)
    await send_answer(exchange.send, body, headers=headers)


def last_resort(lookup: Lookup, stale: Answer) -> Lookup:
    """The outcome when the provider has failed and `stale` is served."""
    verdict = LayerVerdict(layer=stale.layer, result="hit", reason="stale_if_error")
    decision = msgspec.structs.replace(
        lookup.decision,
        result="hit",
        layer=stale.layer,
        layers=(*lookup.decision.layers, verdict),
    )
    return msgspec.structs.replace(lookup, decision=decision, answer=stale, plan=None, stale=None)
