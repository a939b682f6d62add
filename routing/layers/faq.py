"""The curated layer: an answer that a person wrote for exactly this question."""

from __future__ import annotations

from routing.active import ActiveTenant
from routing.prices import NO_TOKENS
from routing.types import Answer, Call


def curated_answer(call: Call, tenant: ActiveTenant) -> Answer | None:
    """The curated answer to the call's question, when plain text is what the app asked for."""
    if not call.plain_text:
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
    )
