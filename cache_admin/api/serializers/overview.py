"""The figures of a tenant over a time range. Money is in integer nano-USD."""

from __future__ import annotations

from rest_framework import serializers

from cache_admin.api.serializers.base import StrictSerializer, UtcDateTimeField

LAYERS = [(name, name) for name in ("faq", "exact", "semantic", "none")]


class RangeSerializer(StrictSerializer):
    since = UtcDateTimeField(
        required=False,
        help_text="Default: 24 hours before `until`. The hour it lies in counts whole.",
    )
    until = UtcDateTimeField(required=False, help_text="Default: now.")


class LayerCountSerializer(serializers.Serializer[object]):
    """Calls that one layer answered."""

    layer = serializers.ChoiceField(LAYERS)
    calls = serializers.IntegerField()


class HourSerializer(serializers.Serializer[object]):
    """One hour, by its start. Money is in nano-USD."""

    hour = UtcDateTimeField()
    calls = serializers.IntegerField()
    faq = serializers.IntegerField()
    exact = serializers.IntegerField()
    semantic = serializers.IntegerField()
    none = serializers.IntegerField()
    hit_rate = serializers.FloatField(allow_null=True)
    cost_nanousd = serializers.IntegerField()
    avoided_nanousd = serializers.IntegerField()


class OverviewSerializer(serializers.Serializer[object]):
    """Sums over the range. Money is in nano-USD."""

    calls = serializers.IntegerField()
    hits = serializers.IntegerField()
    misses = serializers.IntegerField()
    bypasses = serializers.IntegerField()
    errors = serializers.IntegerField()  # type: ignore[assignment]  # DRF takes it as a field
    hit_rate = serializers.FloatField(allow_null=True, help_text="0 to 1; null without calls.")
    cost_nanousd = serializers.IntegerField()
    avoided_nanousd = serializers.IntegerField()
    by_layer = LayerCountSerializer(many=True)
    hours = HourSerializer(many=True)
