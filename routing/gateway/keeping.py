"""What of a provider's answer is kept."""

from __future__ import annotations

import msgspec

from routing.cacheability import Said, Setting, refusal_to_store
from routing.gateway.completion import ProviderAnswer
from routing.gateway.record import CallRecord
from routing.gateway.request import ChatRequest
from routing.providers.targets import Target
from routing.snapshot import Scope
from routing.telemetry.metrics import answer_not_stored
from routing.types import Call, Completion, StorePlan


def completion_to_keep(
    record: CallRecord,
    request: ChatRequest,
    answer: ProviderAnswer,
    *,
    target: Target,
    plan: StorePlan,
    awaited: bool,
) -> Completion | None:
    """What is stored of `answer`, whose cost `record` has; None when it must not be.

    The reason is counted and noted in the decision of `record`. `awaited`: other calls wait for
    the answer, so that it is kept although the app that caused it has left its stream.
    """
    if request.call.controls.no_store:
        return None
    left = request.stream and record.client_gone
    if left and not (awaited or plan.rules.finish_abandoned):
        reason = "abandoned"
    else:
        reason = reason_not_to_store(answer.said, request.call, plan)
    if reason:
        _note(record, reason)
        return None
    return Completion(
        text=answer.said.text,
        model=answer.model or target.model,
        usage=answer.usage,
        cost_nanousd=record.cost.nanousd,
        message=answer.said.message,
    )


def reason_not_to_store(said: Said, call: Call, plan: StorePlan) -> str:
    """Why the policy of `plan` does not keep what was said to `call`; empty when it does."""
    setting = Setting(
        query=call.query,
        scope=Scope.USER if plan.user else Scope.TENANT,
        system_prompt=call.context.system_prompt,
        response_format=call.context.response_format,
    )
    return refusal_to_store(said, setting, rules=plan.rules)


def _note(record: CallRecord, reason: str) -> None:
    answer_not_stored(reason)
    lookup = record.lookup
    if lookup is not None:
        decision = msgspec.structs.replace(lookup.decision, not_stored=reason)
        record.lookup = msgspec.structs.replace(lookup, decision=decision)
