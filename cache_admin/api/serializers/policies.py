"""Policies as the API shows and takes them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rest_framework import serializers

from cache_admin.api.serializers.base import (
    EditableSerializer,
    TextsField,
    UnitIntervalField,
    UtcDateTimeField,
)
from cache_admin.models import ContentClassChoice, ScopeChoice
from cache_admin.services.policies import MAX_TTL_SECONDS

if TYPE_CHECKING:
    from cache_admin.models import Policy

_INT32_MAX = 2**31 - 1


class DocumentSlugsField(TextsField):
    def get_attribute(self, instance: Policy) -> list[str]:
        return [document.slug for document in instance.documents.all()]


class PolicySerializer(EditableSerializer):
    """How one kind of call is answered from the cache."""

    name = serializers.RegexField(r"^[a-z0-9][a-z0-9_-]*$", max_length=64)
    content_class = serializers.ChoiceField(ContentClassChoice.choices)
    min_similarity = UnitIntervalField(default="0.79")
    min_margin = UnitIntervalField(default="0")
    ttl_seconds = serializers.IntegerField(min_value=1, max_value=MAX_TTL_SECONDS, default=3600)
    scope = serializers.ChoiceField(ScopeChoice.choices, default=ScopeChoice.TENANT)
    match_endpoints = TextsField(default=())
    match_tags = TextsField(default=())
    match_models = TextsField(default=())
    priority = serializers.IntegerField(min_value=-_INT32_MAX, max_value=_INT32_MAX, default=0)
    documents = DocumentSlugsField(max_length=64, default=())
    enabled = serializers.BooleanField(default=True)
    created_at = UtcDateTimeField(read_only=True)
    updated_at = UtcDateTimeField(read_only=True)
