"""Curated answers as the API shows and takes them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rest_framework import serializers

from cache_admin.api.serializers.base import (
    EditableSerializer,
    TextsField,
    UsernameField,
    UtcDateTimeField,
)
from cache_admin.services.faqs import MAX_ALIASES, MAX_ANSWER_LENGTH

if TYPE_CHECKING:
    from cache_admin.models import Faq


class AliasesField(TextsField):
    def get_attribute(self, instance: Faq) -> list[str]:
        return [phrase.text for phrase in instance.phrases.all() if phrase.position > 0]


class FaqSerializer(EditableSerializer):
    """A question, its other phrasings and the answer a person wrote."""

    question = serializers.CharField(max_length=500)
    aliases = AliasesField(max_items=MAX_ALIASES, max_length=500, default=())
    answer = serializers.CharField(max_length=MAX_ANSWER_LENGTH)
    language = serializers.RegexField(r"^[a-z]{2}$", default="en")
    owner = UsernameField(max_length=150, allow_null=True, default=None)
    review_on = serializers.DateField(allow_null=True, default=None)
    enabled = serializers.BooleanField(default=True)
    created_at = UtcDateTimeField(read_only=True)
    updated_at = UtcDateTimeField(read_only=True)
