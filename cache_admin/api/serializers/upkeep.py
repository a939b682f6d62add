"""Event rules, their secrets and limits, as the API shows and takes them."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from cache_admin.api.serializers.base import (
    EditableSerializer,
    StrictSerializer,
    UsernameField,
    UtcDateTimeField,
)
from cache_admin.models import EvictionChoice

_INT64_MAX = 2**63 - 1


class EventRuleSerializer(EditableSerializer):
    """Which stored answers an event drops."""

    event = serializers.CharField(max_length=120)
    tag = serializers.CharField(
        max_length=120,
        help_text="With {id} for the event's entity and {payload.field} for a field of it.",
    )
    enabled = serializers.BooleanField(default=True)
    created_at = UtcDateTimeField(read_only=True)
    updated_at = UtcDateTimeField(read_only=True)


class EventSecretSerializer(serializers.Serializer[Any]):
    """What signs a tenant's events, without its text."""

    uid = serializers.CharField()
    hint = serializers.CharField(help_text="The last characters of the secret.")
    created_at = UtcDateTimeField()
    created_by = UsernameField(allow_null=True)


class CreatedEventSecretSerializer(EventSecretSerializer):
    """A secret at the only moment its text is known."""

    text = serializers.CharField(help_text="The secret itself, shown this once.")


class LimitsSerializer(StrictSerializer):
    """How much a tenant may keep; 0 = no limit of its own."""

    version = serializers.IntegerField(read_only=True)
    max_entries = serializers.IntegerField(min_value=0, max_value=_INT64_MAX, default=0)
    max_bytes = serializers.IntegerField(min_value=0, max_value=_INT64_MAX, default=0)
    eviction = serializers.ChoiceField(EvictionChoice.choices, default=EvictionChoice.LRU)
    updated_at = UtcDateTimeField(read_only=True, allow_null=True)
