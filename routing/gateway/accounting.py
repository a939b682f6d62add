"""Booking tokens and money on a call's record, at the prices in force when it ends."""

from __future__ import annotations

from datetime import UTC, datetime

from routing.gateway.completion import ProviderAnswer
from routing.gateway.record import UNPRICED, CallRecord
from routing.keys import context_bytes
from routing.ledger import PriceOf, avoided_cost, completion_cost
from routing.prices import NO_TOKENS
from routing.providers.targets import Target
from routing.types import Answer, Call


def book_hit(record: CallRecord, call: Call, answer: Answer) -> None:
    """A hit costs nothing; what it saved goes to its layer."""
    record.model_used = answer.model or call.model
    route = record.grant.tenant.route(call.model)
    record.avoided, priced = avoided_cost(
        answer,
        prompt_bytes=context_bytes(call.context) + len(call.query.encode()),
        models=(route.target_model if route else "", call.model),
        price_of=_prices_now(record),
    )
    if not priced:
        record.notes.append(UNPRICED)


def book_completion(
    record: CallRecord, call: Call, answer: ProviderAnswer, *, target: Target
) -> None:
    """What the provider charged by its own count; nothing when it told none."""
    record.model_used = answer.model or target.model
    record.usage = answer.usage
    record.cost = completion_cost(
        answer.usage,
        models=(answer.model, target.model, call.model),
        price_of=_prices_now(record),
    )
    if answer.usage == NO_TOKENS:
        record.lose_usage()
    elif not record.cost.priced:
        record.notes.append(UNPRICED)


def _prices_now(record: CallRecord) -> PriceOf:
    active, now = record.active, datetime.now(UTC)
    return lambda model: active.price(model, at=now)
