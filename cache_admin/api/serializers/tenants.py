"""Tenants as the API shows and takes them."""

from __future__ import annotations

from rest_framework import serializers

from cache_admin.api.serializers.base import (
    EditableSerializer,
    StrictSerializer,
    UsernameField,
    UtcDateTimeField,
)

_LANGUAGE = r"^[a-z]{2}$"


class TenantSerializer(EditableSerializer):
    """A customer of the gateway."""

    slug = serializers.SlugField(read_only=True)
    name = serializers.CharField(max_length=120)
    language = serializers.RegexField(_LANGUAGE, default="en")
    enabled = serializers.BooleanField(default=True)
    embedding_model = serializers.CharField(
        max_length=200,
        allow_blank=True,
        default="",
        help_text=(
            "A sentence-transformers name, a directory of the runtimes, or openai:<model> with "
            "@<dimensions> for shorter vectors; empty for the runtimes' own."
        ),
    )
    created_at = UtcDateTimeField(read_only=True)
    updated_at = UtcDateTimeField(read_only=True)


class NewTenantSerializer(StrictSerializer):
    """A tenant to create."""

    slug = serializers.RegexField(r"^[a-z0-9][a-z0-9_-]*$", max_length=64)
    name = serializers.CharField(max_length=120)
    language = serializers.RegexField(_LANGUAGE, default="en")
    owner = UsernameField(max_length=150, allow_null=True, default=None)
