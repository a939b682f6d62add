"""What may be stored: of complete answers, those that the policy's rules let through.

Pure functions. A reason is one stable word, counted as ``reprise_answers_not_stored_total`` and
told to operators; an empty string means that nothing speaks against storing.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from routing.cacheability.personal import personal_kind
from routing.cacheability.refusals import reads_as_refusal
from routing.cacheability.shape import is_asked_json, texts_in
from routing.cacheability.volatile import VolatileKind, volatile_kind
from routing.snapshot import ContentClass, PersonalData, PolicyConfig, Scope, StoreRule, Volatile

__all__ = [
    "Said",
    "Setting",
    "VolatileKind",
    "policy_for_volatile",
    "refusal_to_store",
    "volatile_kind",
]


class Said(Struct, frozen=True):
    """What a model said, or an app in its place.

    `message` is the assistant message as JSON when it is more than text. `refusal` is what the
    provider itself marks as a refusal. `fault` says, in one word, why it cannot be served again
    whatever the rules say: cut off, of a shape that cannot be replayed, and the like.
    """

    text: str = ""
    message: bytes = b""
    refusal: str = ""
    tool_calls: bool = False
    fault: str = ""


class Setting(Struct, frozen=True):
    """Where an answer was given: the question, who may be served, and what the app asked for.

    `system_prompt` and `response_format` are canonical JSON, empty when the app gave none.
    """

    query: str
    scope: Scope = Scope.TENANT
    system_prompt: bytes = b""
    response_format: bytes = b""


def refusal_to_store(said: Said, setting: Setting, *, rules: StoreRule) -> str:
    """Why an answer is not kept, as a stable word; empty when it is."""
    return (
        said.fault
        or _unfit_kind(said, rules)
        or _unfit_text(said, setting, rules)
        or _personal(said, setting, rules)
    )


def policy_for_volatile(
    kind: VolatileKind,
    *,
    chosen: PolicyConfig,
    policies: Sequence[PolicyConfig],
    user: str,
) -> PolicyConfig | None:
    """The policy that a question of `kind` belongs to; None when it is not to be cached.

    `chosen` is the one the call would come to otherwise, and says what becomes of such questions.
    `policies` are the enabled ones in the order in which they are tried. What belongs to one user
    needs a `user` and a policy that keeps users apart; so does whatever else was asked where they
    are kept apart.
    """
    if not kind or chosen.store.volatile is Volatile.IGNORE or _suits(chosen, kind):
        return chosen
    if chosen.store.volatile is Volatile.REFUSE:
        return None
    if kind == "personal" and not user:
        return None
    wanted = ContentClass.REAL_TIME if kind == "now" else ContentClass.USER_SPECIFIC
    for policy in policies:
        shares_more = chosen.scope is Scope.USER and policy.scope is not Scope.USER
        if policy.content_class is wanted and _suits(policy, kind) and not shares_more:
            return policy
    return None


def _suits(policy: PolicyConfig, kind: VolatileKind) -> bool:
    if kind == "personal":
        return policy.scope is Scope.USER
    return policy.content_class is ContentClass.REAL_TIME


def _unfit_kind(said: Said, rules: StoreRule) -> str:
    if said.tool_calls:
        return "" if rules.tool_calls else "tool_calls"
    if said.refusal:
        return "" if rules.refusals else "refusal"
    return "" if said.text.strip() else "empty"


def _unfit_text(said: Said, setting: Setting, rules: StoreRule) -> str:
    length = max(len(said.text), len(said.message))
    if length > rules.max_chars:
        return "too_long"
    if said.tool_calls:
        return ""
    if length < rules.min_chars:
        return "too_short"
    if (
        rules.valid_json
        and not said.refusal
        and not is_asked_json(said.text, setting.response_format)
    ):
        return "invalid_json"
    if not rules.refusals and reads_as_refusal(said.text):
        return "refusal"
    return ""


def _personal(said: Said, setting: Setting, rules: StoreRule) -> str:
    if rules.personal_data is PersonalData.KEEP:
        return ""
    if rules.personal_data is PersonalData.USER_SCOPE_ONLY and setting.scope is Scope.USER:
        return ""
    known = setting.system_prompt.decode("utf-8", "replace") if setting.system_prompt else ""
    # All at once, so that what is known is read once. No address or number goes across lines.
    texts = "\n".join(texts_in(setting.query, said.text, said.refusal, said.message))
    kind = personal_kind(texts, known=known)
    return f"personal_{kind}" if kind else ""
