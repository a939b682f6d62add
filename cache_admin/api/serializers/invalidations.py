"""Removals by hand and their receipts, as the API shows and takes them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rest_framework import serializers

from cache_admin.api.serializers.base import StrictSerializer, UtcDateTimeField
from cache_admin.models import InvalidationKind, InvalidationState
from cache_admin.services.invalidations import MAX_USER_LENGTH

if TYPE_CHECKING:
    from cache_admin.models import Invalidation


class ProgressSerializer(serializers.Serializer[Any]):
    """How far a removal is; once it verifies, `done` counts the entries looked through."""

    done = serializers.IntegerField(source="progress_done")
    total = serializers.IntegerField(source="progress_total", allow_null=True)
    is_verifying = serializers.BooleanField()


class ReceiptSerializer(serializers.Serializer[Any]):
    """What a removal did."""

    removed_entries = serializers.IntegerField()
    removed_index_keys = serializers.IntegerField()
    blanked_events = serializers.IntegerField(
        allow_null=True, help_text="Events without the user's name now; null for other kinds."
    )
    residual_entries = serializers.IntegerField(
        source="residual_keys", help_text="What a second look at the entries still found."
    )
    duration_ms = serializers.IntegerField()


class ReceiptField(ReceiptSerializer):
    """Null until the removal is over."""

    def get_attribute(self, instance: Invalidation) -> Invalidation | None:
        return None if instance.removed_entries is None else instance


class InvalidationSerializer(serializers.Serializer[Any]):
    """A removal that someone asked for."""

    uid = serializers.CharField()
    kind = serializers.ChoiceField(InvalidationKind.choices)
    target = serializers.CharField(help_text="What is removed; of a user a digest.")
    note = serializers.CharField()
    requested_by = serializers.CharField(source="requested_label")
    created_at = UtcDateTimeField()
    started_at = UtcDateTimeField(allow_null=True)
    finished_at = UtcDateTimeField(allow_null=True)
    state = serializers.ChoiceField(InvalidationState.choices)
    progress = ProgressSerializer(source="*")
    receipt = ReceiptField(allow_null=True)
    error = serializers.CharField()


class NewInvalidationSerializer(StrictSerializer):
    """What is to be removed."""

    kind = serializers.ChoiceField(InvalidationKind.choices)
    target = serializers.CharField(
        max_length=MAX_USER_LENGTH,
        allow_blank=True,
        trim_whitespace=False,
        default="",
        help_text=(
            "An entry as x-cache-entry names it, a tag, a user, the name of a policy or the short "
            "name of a document; nothing for the tenant."
        ),
    )
    note = serializers.CharField(max_length=500, allow_blank=True, default="")


class ClearInputSerializer(StrictSerializer):
    """Why it is cleared."""

    note = serializers.CharField(max_length=500, allow_blank=True, default="")


class ClearPreviewSerializer(serializers.Serializer[Any]):
    """What clearing would retire now."""

    retires_entries = serializers.IntegerField(
        allow_null=True, help_text="Live entries; null when Redis does not answer."
    )
    exact = serializers.BooleanField(help_text="Otherwise there are at least so many entries.")
