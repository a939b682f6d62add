"""Pairs that never merge and the lexicon, as the API shows and takes them."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from cache_admin.api.serializers.base import (
    EditableSerializer,
    StrictSerializer,
    TextsField,
    UtcDateTimeField,
)
from cache_admin.models.matching import MAX_QUESTION_LENGTH
from cache_admin.services.matching import MAX_GROUP_WORDS, MAX_GROUPS, MAX_WORD_LENGTH


class PairSerializer(EditableSerializer):
    """Two questions that must never share an answer, in either direction."""

    a = serializers.CharField(max_length=MAX_QUESTION_LENGTH)
    b = serializers.CharField(max_length=MAX_QUESTION_LENGTH)
    enabled = serializers.BooleanField(default=True)
    created_at = UtcDateTimeField(read_only=True)
    updated_at = UtcDateTimeField(read_only=True)


class PairSearchSerializer(serializers.Serializer[Any]):
    """What to look for."""

    q = serializers.CharField(required=False, help_text="A part of either question.")


class GroupsField(serializers.ListField):
    """Groups of words, kept as tuples."""

    def __init__(self, **kwargs: Any) -> None:
        child = TextsField(max_items=MAX_GROUP_WORDS, max_length=MAX_WORD_LENGTH)
        super().__init__(child=child, max_length=MAX_GROUPS, **kwargs)

    def to_internal_value(self, data: Any) -> tuple[tuple[str, ...], ...]:  # type: ignore[override]  # immutable
        return tuple(super().to_internal_value(data))


class LexiconSerializer(StrictSerializer):
    """A tenant's own words for the guards."""

    version = serializers.IntegerField(read_only=True)
    opposites = GroupsField(default=(), help_text="Pairs of words that turn a question round.")
    alike = GroupsField(default=(), help_text="Groups of words that mean the same.")
    apart = GroupsField(
        default=(), help_text="Groups of words of which none may stand for another."
    )
    updated_at = UtcDateTimeField(read_only=True, allow_null=True)
