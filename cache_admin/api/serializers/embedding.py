"""A tenant's embedding model: where it is ready, and how far its answers have been moved."""

from __future__ import annotations

from rest_framework import serializers

from cache_admin.api.serializers.base import UtcDateTimeField
from cache_admin.api.serializers.revisions import LoadedModelSerializer


class RuntimeModelSerializer(serializers.Serializer[object]):
    """The tenant's model as one runtime has it; null while it has not heard of it."""

    instance = serializers.CharField()
    loaded = LoadedModelSerializer(allow_null=True)


class MovedAnswersSerializer(serializers.Serializer[object]):
    """How far the most used answers have been moved to the model."""

    model = serializers.CharField()
    state = serializers.ChoiceField(choices=["running", "done", "failed"])
    total = serializers.IntegerField()
    done = serializers.IntegerField()
    failed = serializers.IntegerField(help_text="Those that could not be embedded.")
    attempts = serializers.IntegerField()
    error = serializers.CharField(help_text="What holds it up, or has ended it.")
    started_at = UtcDateTimeField()
    updated_at = UtcDateTimeField()


class EmbeddingSerializer(serializers.Serializer[object]):
    """The embedding model that a tenant uses."""

    name = serializers.CharField(help_text="Empty while no runtime has told its own.")
    is_default = serializers.BooleanField(help_text="Whether it is the runtimes' own.")
    dimensions = serializers.IntegerField(allow_null=True)
    kept_bytes = serializers.IntegerField(
        allow_null=True, help_text="What a vector takes with its answer."
    )
    indexed_bytes = serializers.IntegerField(
        allow_null=True, help_text="What a vector takes in the index."
    )
    english_only = serializers.BooleanField(
        help_text="Whether it is made for English and the tenant's language is another."
    )
    runtimes = RuntimeModelSerializer(many=True)
    answers = MovedAnswersSerializer(
        allow_null=True, help_text="Null while nothing is known of any."
    )
    seconds_left = serializers.IntegerField(
        allow_null=True, help_text="Until the answers are moved, at the speed so far."
    )
