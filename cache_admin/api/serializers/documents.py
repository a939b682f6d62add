"""Documents, their versions and what a bump would retire."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rest_framework import serializers

from cache_admin.api.serializers.base import (
    EditableSerializer,
    StrictSerializer,
    UsernameField,
    UtcDateTimeField,
)

if TYPE_CHECKING:
    from cache_admin.selectors.documents import BumpPreview


class PolicyNamesField(serializers.ListField):
    """The names of the policies that a bump would concern."""

    def get_attribute(self, instance: BumpPreview) -> list[str]:
        return [policy.name for policy in instance.policies]


class DocumentSerializer(EditableSerializer):
    """A source text that cached answers rest on."""

    slug = serializers.CharField(read_only=True)
    title = serializers.CharField(max_length=200)
    current_version = serializers.IntegerField(read_only=True)
    created_at = UtcDateTimeField(read_only=True)
    updated_at = UtcDateTimeField(read_only=True)


class NewDocumentSerializer(StrictSerializer):
    """A document to create."""

    slug = serializers.RegexField(r"^[a-z0-9][a-z0-9_-]*$", max_length=64)
    title = serializers.CharField(max_length=200)


class BumpInputSerializer(StrictSerializer):
    """Why the version is raised."""

    note = serializers.CharField(max_length=500, allow_blank=True, default="")


class BumpPreviewSerializer(serializers.Serializer[object]):
    """What a bump would do now."""

    current_version = serializers.IntegerField(source="document.current_version")
    retires_entries = serializers.IntegerField(
        source="entries",
        allow_null=True,
        help_text="Entries that rest on the current version; null when Redis does not answer.",
    )
    exact = serializers.BooleanField(help_text="Otherwise there are at least so many entries.")
    policies = PolicyNamesField(child=serializers.CharField())


class DocumentVersionSerializer(serializers.Serializer[object]):
    """One version of a document."""

    number = serializers.IntegerField()
    note = serializers.CharField()
    created_at = UtcDateTimeField()
    created_by = UsernameField(allow_null=True)
    retired_entries = serializers.IntegerField(
        allow_null=True, help_text="Entries this version made unreachable; null when unknown."
    )
