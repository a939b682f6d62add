"""A time span typed as a number and a unit."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from cache_admin.spans import UNITS, largest_unit

_UNIT_CHOICES = [
    ("s", _("seconds")),
    ("min", _("minutes")),
    ("h", _("hours")),
    ("d", _("days")),
]


class DurationWidget(forms.MultiWidget):
    """A number box and a unit list."""

    def __init__(self, attrs: dict[str, Any] | None = None) -> None:
        super().__init__(
            [
                forms.NumberInput(attrs={"class": "input input-number", "min": "1", "step": "1"}),
                forms.Select(
                    choices=_UNIT_CHOICES, attrs={"class": "select", "aria-label": _("unit")}
                ),
            ],
            attrs,
        )

    def decompress(self, value: Any) -> list[Any]:
        if not value:
            return [None, "h"]
        unit = largest_unit(value)
        return [value // UNITS[unit], unit]


class DurationField(forms.MultiValueField):
    """Cleans to whole seconds."""

    widget = DurationWidget

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(
            (forms.IntegerField(min_value=1), forms.ChoiceField(choices=_UNIT_CHOICES)), **kwargs
        )

    def compress(self, data_list: list[Any]) -> int:
        number, unit = data_list
        return int(number) * UNITS[unit]

    def has_changed(self, initial: Any, data: Any) -> bool:
        try:
            return bool(initial != self.clean(data))
        except forms.ValidationError:
            return True


class GraceField(DurationField):
    """A span that may be left empty; cleans to whole seconds, 0 then."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(required=False, **kwargs)

    def compress(self, data_list: list[Any]) -> int:
        return super().compress(data_list) if data_list and data_list[0] else 0
