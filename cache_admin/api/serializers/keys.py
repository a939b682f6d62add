"""App and management keys. The text is in the answer to the creation and nowhere else."""

from __future__ import annotations

from rest_framework import serializers

from cache_admin.api.serializers.base import StrictSerializer, UsernameField, UtcDateTimeField
from cache_admin.models import KeyScope


class KeySerializer(serializers.Serializer[object]):
    """A key without its text."""

    uid = serializers.CharField()
    name = serializers.CharField()
    prefix = serializers.CharField()
    scopes = serializers.ListField(child=serializers.ChoiceField(KeyScope.choices))
    created_at = UtcDateTimeField()
    created_by = UsernameField(allow_null=True)
    expires_at = UtcDateTimeField(allow_null=True)
    revoked_at = UtcDateTimeField(allow_null=True)


class NewKeySerializer(StrictSerializer):
    """A key to create."""

    name = serializers.CharField(max_length=120)
    scopes = serializers.ListField(
        child=serializers.ChoiceField(KeyScope.choices),
        min_length=1,
        max_length=len(KeyScope.choices),
        default=[KeyScope.CALL.value],
    )
    expires_at = UtcDateTimeField(allow_null=True, default=None)


class CreatedKeySerializer(KeySerializer):
    """A key at the only moment its text is known."""

    text = serializers.CharField(help_text="The key itself, shown this once.")
