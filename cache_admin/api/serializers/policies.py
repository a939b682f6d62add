"""Policies as the API shows and takes them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rest_framework import serializers

from cache_admin.api.serializers.base import (
    EditableSerializer,
    ShareField,
    StrictSerializer,
    TextsField,
    UnitIntervalField,
    UtcDateTimeField,
)
from cache_admin.models import (
    ContentClassChoice,
    ConversationChoice,
    PersonalDataChoice,
    ScopeChoice,
    VolatileChoice,
)
from cache_admin.models.policies import MAX_JITTER, MAX_TURNS
from cache_admin.services.policies import (
    DEFAULT_MIN_MARGIN,
    DEFAULT_MIN_SIMILARITY,
    MAX_TTL_SECONDS,
    SWITCHABLE_GUARDS,
)

if TYPE_CHECKING:
    from cache_admin.models import Policy

_INT32_MAX = 2**31 - 1
GUARDS = tuple(guard.value for guard in SWITCHABLE_GUARDS)


class DocumentSlugsField(TextsField):
    def get_attribute(self, instance: Policy) -> list[str]:
        return [document.slug for document in instance.documents.all()]


class GuardsField(serializers.ListField):
    """Names of guards, kept as a tuple."""

    def __init__(self, **kwargs: Any) -> None:
        child = serializers.ChoiceField(choices=GUARDS)
        super().__init__(child=child, max_length=len(GUARDS), **kwargs)

    def to_internal_value(self, data: Any) -> tuple[str, ...]:  # type: ignore[override]  # immutable
        return tuple(super().to_internal_value(data))


class ContextSerializer(StrictSerializer):
    """What two calls must have in common, besides the question, to share an answer."""

    system_prompt = serializers.BooleanField(source="context_system_prompt", required=False)
    tools = serializers.BooleanField(source="context_tools", required=False)
    response_format = serializers.BooleanField(source="context_response_format", required=False)
    attachments = serializers.BooleanField(source="context_attachments", required=False)
    parameters = serializers.BooleanField(source="context_parameters", required=False)
    conversation = serializers.ChoiceField(
        ConversationChoice.choices, source="context_conversation", required=False
    )
    last_turns = serializers.IntegerField(
        min_value=1,
        max_value=MAX_TURNS,
        source="context_last_turns",
        required=False,
        help_text="How many messages count; used with `conversation: last_turns` only.",
    )
    language = serializers.BooleanField(source="context_language", required=False)


class StoreSerializer(StrictSerializer):
    """Which complete answers may be kept."""

    tool_calls = serializers.BooleanField(source="store_tool_calls", required=False)
    refusals = serializers.BooleanField(source="store_refusals", required=False)
    valid_json = serializers.BooleanField(source="store_valid_json", required=False)
    min_chars = serializers.IntegerField(
        min_value=0, max_value=_INT32_MAX, source="store_min_chars", required=False
    )
    max_chars = serializers.IntegerField(
        min_value=1, max_value=_INT32_MAX, source="store_max_chars", required=False
    )
    personal_data = serializers.ChoiceField(
        PersonalDataChoice.choices, source="store_personal_data", required=False
    )
    volatile = serializers.ChoiceField(
        VolatileChoice.choices, source="store_volatile", required=False
    )
    finish_abandoned = serializers.BooleanField(source="store_finish_abandoned", required=False)


class LearnedCheckSerializer(serializers.Serializer[Any]):
    """What was learned from the policy's labelled pairs: only how much, when and how strict."""

    min_probability = serializers.FloatField()
    pairs = serializers.IntegerField()
    trained_at = serializers.DateTimeField()
    features = serializers.ListField(child=serializers.CharField())


class PolicySerializer(EditableSerializer):
    """How one kind of call is answered from the cache."""

    name = serializers.RegexField(r"^[a-z0-9][a-z0-9_-]*$", max_length=64)
    content_class = serializers.ChoiceField(ContentClassChoice.choices)
    min_similarity = UnitIntervalField(default=str(DEFAULT_MIN_SIMILARITY))
    min_margin = UnitIntervalField(default=str(DEFAULT_MIN_MARGIN))
    disabled_guards = GuardsField(
        default=(),
        help_text="Guards that do not check this policy's hits; all others do, and never_merge "
        "always.",
    )
    ttl_seconds = serializers.IntegerField(min_value=1, max_value=MAX_TTL_SECONDS, default=3600)
    jitter = ShareField(
        most=MAX_JITTER,
        default="0",
        help_text="Share of the lifetime by which answers may expire earlier.",
    )
    stale_seconds = serializers.IntegerField(
        min_value=0,
        max_value=MAX_TTL_SECONDS,
        default=0,
        help_text="So long after its expiry an answer is served while it is renewed.",
    )
    stale_if_error_seconds = serializers.IntegerField(
        min_value=0,
        max_value=MAX_TTL_SECONDS,
        default=0,
        help_text="So long after its expiry an answer is served when the provider fails.",
    )
    scope = serializers.ChoiceField(ScopeChoice.choices, default=ScopeChoice.TENANT)
    match_endpoints = TextsField(default=())
    match_tags = TextsField(default=())
    match_models = TextsField(default=())
    priority = serializers.IntegerField(min_value=-_INT32_MAX, max_value=_INT32_MAX, default=0)
    documents = DocumentSlugsField(max_length=64, default=())
    # DRF takes fields out of the class, so that its own attribute of this name stays.
    context = ContextSerializer(source="*", required=False)  # type: ignore[assignment]  # see above
    store = StoreSerializer(source="*", required=False)
    single_flight = serializers.BooleanField(
        default=True, help_text="Of equal calls at the same time one asks the provider."
    )
    faqs = serializers.BooleanField(default=True, help_text="Whether curated answers come first.")
    enabled = serializers.BooleanField(default=True)
    generation = serializers.IntegerField(
        read_only=True, help_text="Rises when the policy's answers are cleared."
    )
    learned = LearnedCheckSerializer(read_only=True, allow_null=True)
    created_at = UtcDateTimeField(read_only=True)
    updated_at = UtcDateTimeField(read_only=True)
