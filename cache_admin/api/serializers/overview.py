"""The figures of a tenant over a time range. Money is in integer nano-USD."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from cache_admin.api.serializers.base import StrictSerializer, UtcDateTimeField
from cache_admin.selectors.splits import PARTS

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


class SplitSerializer(serializers.Serializer[object]):
    """A policy under which no hit is possible: nearly every call differs in what must be equal."""

    policy = serializers.CharField(source="policy.uid")
    name = serializers.CharField(source="policy.name")
    calls = serializers.IntegerField(help_text="The latest calls, up to 200.")
    partitions = serializers.IntegerField(
        help_text="As many of them as can share no answer with another."
    )
    part = serializers.CharField(
        allow_blank=True,
        help_text="What differs between the last two: "
        f"{', '.join(PARTS)}; empty when it is not the context.",
    )
    before = serializers.CharField(
        allow_blank=True, help_text="A short excerpt of it, from the last call but one."
    )
    after = serializers.CharField(allow_blank=True, help_text="The same of the last call.")


class OverviewSerializer(serializers.Serializer[object]):
    """Sums over the range, and the splits of now. Money is in nano-USD."""

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
    # Not a figure of the range: the view hands them over beside the figures.
    splits = serializers.SerializerMethodField()

    @extend_schema_field(SplitSerializer(many=True))
    def get_splits(self, figures: object) -> object:
        return SplitSerializer(self.context["splits"], many=True).data
