"""Published revisions and the runtimes that obey them. A revision's body is never shown."""

from __future__ import annotations

from rest_framework import serializers

from cache_admin.api.serializers.base import StrictSerializer, UtcDateTimeField


class RevisionSerializer(serializers.Serializer[object]):
    """One published configuration."""

    number = serializers.IntegerField(source="revision.number")
    is_current = serializers.BooleanField()
    note = serializers.CharField(source="revision.note")
    author = serializers.CharField(
        source="revision.author_label", help_text="A person, a key or the command that acted."
    )
    restores = serializers.IntegerField(
        source="revision.restores_id",
        allow_null=True,
        help_text="The revision whose content a rollback brought back.",
    )
    created_at = UtcDateTimeField(source="revision.created_at")
    pushed_at = UtcDateTimeField(
        source="revision.pushed_at", allow_null=True, help_text="null: not pushed to Redis yet."
    )


class ChangeSerializer(serializers.Serializer[object]):
    """One value that changed; null where there was none."""

    path = serializers.CharField()
    before = serializers.JSONField(allow_null=True)
    after = serializers.JSONField(allow_null=True)


class AcknowledgementSerializer(serializers.Serializer[object]):
    """The word of one runtime on a revision."""

    instance = serializers.CharField()
    at = UtcDateTimeField(
        allow_null=True, help_text="null: in force with a later revision, without a word on this."
    )
    error = serializers.CharField(help_text="Why the runtime refused it; empty when in force.")
    seconds_after_save = serializers.FloatField(allow_null=True)


class RevisionDetailSerializer(RevisionSerializer):
    """One published configuration and what became of it."""

    diff = ChangeSerializer(many=True)
    acknowledgements = AcknowledgementSerializer(
        source="acks", many=True, allow_null=True, help_text="null when Redis does not answer."
    )


class RollbackInputSerializer(StrictSerializer):
    """Why the old configuration comes back."""

    note = serializers.CharField(max_length=500, allow_blank=True, default="")


class LoadedModelSerializer(serializers.Serializer[object]):
    """An embedding model as one runtime has it: ready, or with the error that keeps it from being
    so, or else loading."""

    name = serializers.CharField()
    model_id = serializers.CharField(help_text="Name and version; part of every cache key.")
    dimensions = serializers.IntegerField(help_text="0 while they are not known.")
    weight_bytes = serializers.IntegerField(help_text="Its weights in the runtime's memory.")
    ready = serializers.BooleanField()
    error = serializers.CharField()


class RuntimeSerializer(serializers.Serializer[object]):
    """A runtime as it last described itself."""

    instance = serializers.CharField(source="runtime.instance")
    release = serializers.CharField(source="runtime.release")
    revision = serializers.IntegerField(source="runtime.revision")
    revisions_behind = serializers.IntegerField()
    revisions_ahead = serializers.IntegerField(
        help_text="Above 0 when it obeys a revision this database does not know."
    )
    is_silent = serializers.BooleanField()
    embedding_model = serializers.CharField(source="runtime.embedding_model")
    embedding_models = LoadedModelSerializer(source="models", many=True)
    redis_ok = serializers.BooleanField(source="runtime.redis_ok")
    events_spooled = serializers.IntegerField(source="runtime.events_spooled")
    error = serializers.CharField(source="runtime.error")
    started_at = UtcDateTimeField(source="runtime.started_at")
    last_seen_at = UtcDateTimeField(source="runtime.last_seen_at")
