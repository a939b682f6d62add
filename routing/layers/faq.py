"""The curated layer: an answer that a person wrote for exactly this question."""

from __future__ import annotations

from routing.active import ActiveTenant
from routing.prices import NO_TOKENS
from routing.types import Answer, Call


def curated_answer(call: Call, tenant: ActiveTenant) -> Answer | None:
    """The curated answer to the call's question, when plain text is what the app asked for."""
    if not call.plain_text or not wants_curated(call, tenant):
        return None
    faq = tenant.faq(call.query)
    if faq is None:
        return None
    return Answer(
        text=faq.answer,
        layer="faq",
        similarity=1.0,
        entry_id=f"faq.{faq.uid}",
        age_seconds=0,
        ttl_seconds=0,
        model=call.model,
        usage=NO_TOKENS,
        cost_nanousd=0,
        group=f"faq.{faq.uid}",
    )


def wants_curated(call: Call, tenant: ActiveTenant) -> bool:
    """Whether the policy of the call lets curated answers come first; without one they do."""
    policy = tenant.policy(call.controls, model=call.model)
    return policy is None or policy.faqs
