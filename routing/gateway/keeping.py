"""What of a provider's answer is kept."""

from __future__ import annotations

from routing.gateway.completion import ProviderAnswer
from routing.gateway.record import CallRecord
from routing.gateway.request import ChatRequest
from routing.providers.targets import Target
from routing.types import Completion


def completion_to_keep(
    record: CallRecord, request: ChatRequest, answer: ProviderAnswer, *, target: Target
) -> Completion | None:
    """What is stored of `answer`, whose cost `record` has; None when it must not be."""
    if not answer.complete or request.call.controls.no_store:
        return None
    return Completion(
        text=answer.text,
        model=answer.model or target.model,
        usage=answer.usage,
        cost_nanousd=record.cost.nanousd,
    )
