"""What the serializers share: strict input, exact numbers, times in UTC."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from cache_admin.services.policies import MAX_LIST_ITEMS, MAX_MATCH_LENGTH

_FIRST_YEAR, _LAST_YEAR = 2000, 2200


class StrictSerializer(serializers.Serializer[Any]):
    """Refuses fields it does not know, and read-only fields that differ from what they are.

    Read-only fields may be sent back unchanged, so that what was read can be edited and sent.
    """

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        if isinstance(data, Mapping):
            errors = self._unknown(data) | self._changed(data)
            if errors:
                raise serializers.ValidationError(errors)
        value: dict[str, Any] = super().to_internal_value(data)
        return value

    def _unknown(self, data: Mapping[Any, Any]) -> dict[str, Any]:
        unknown = [name for name in data if name not in self.fields]
        return {str(name): [_("There is no such field.")] for name in unknown}

    def _changed(self, data: Mapping[Any, Any]) -> dict[str, Any]:
        given = [name for name, field in self.fields.items() if field.read_only and name in data]
        if not given:
            return {}
        current = {} if self.instance is None else self.to_representation(self.instance)
        changed = [name for name in given if name not in current or current[name] != data[name]]
        return {name: [_("This field cannot be set.")] for name in changed}


class EditableSerializer(StrictSerializer):
    """Start of every object that people edit."""

    uid = serializers.CharField(read_only=True)
    version = serializers.IntegerField(read_only=True)


@extend_schema_field(OpenApiTypes.DATETIME)
class UtcDateTimeField(serializers.DateTimeField):
    """ISO 8601 in UTC. Input without an offset is refused."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(default_timezone=UTC, **kwargs)

    def enforce_timezone(self, value: datetime) -> datetime:
        if timezone.is_naive(value):
            raise serializers.ValidationError(_("Say the offset from UTC, as in 12:00:00Z."))
        # Reckoning with days before and after must stay within what a datetime can hold.
        if not _FIRST_YEAR <= value.year <= _LAST_YEAR:
            raise serializers.ValidationError(_("The year must be from 2000 to 2200."))
        return super().enforce_timezone(value)


@extend_schema_field({"type": "number", "format": "double", "minimum": 0, "maximum": 1})
class ShareField(serializers.DecimalField):
    """0 to `most` in steps of 0.0001, a JSON number; text with the same digits is understood."""

    def __init__(self, *, most: Decimal = Decimal(1), **kwargs: Any) -> None:
        kwargs |= {"min_value": Decimal(0), "max_value": most}
        super().__init__(max_digits=5, decimal_places=4, **kwargs)

    def to_representation(self, value: Any) -> float:  # type: ignore[override]  # a JSON number
        return float(value)


class UnitIntervalField(ShareField):
    """0 to 1."""


class TextsField(serializers.ListField):
    """A list of short texts, kept as a tuple."""

    def __init__(
        self,
        *,
        max_items: int = MAX_LIST_ITEMS,
        max_length: int = MAX_MATCH_LENGTH,
        **kwargs: Any,
    ) -> None:
        child = serializers.CharField(max_length=max_length)
        super().__init__(child=child, max_length=max_items, **kwargs)

    def to_internal_value(self, data: Any) -> tuple[str, ...]:  # type: ignore[override]  # immutable
        return tuple(super().to_internal_value(data))


class UsernameField(serializers.CharField):
    """A person by username; null for nobody."""

    def get_attribute(self, instance: Any) -> str | None:
        user: Any = super().get_attribute(instance)
        return None if user is None else str(user.get_username())
