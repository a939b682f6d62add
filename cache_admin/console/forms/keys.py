"""Creating a key."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

from django import forms
from django.utils.translation import gettext_lazy as _

from cache_admin.console.once import OnceForm
from cache_admin.models import KeyScope

_LAST_YEAR = 2200


class KeyForm(OnceForm):
    """A key's name, what it opens and how long it lives."""

    name = forms.CharField(
        label=_("Name"), max_length=120, help_text=_("Which app or script uses it.")
    )
    scopes = forms.MultipleChoiceField(
        label=_("Opens"), choices=KeyScope.choices, widget=forms.CheckboxSelectMultiple
    )
    expires_at = forms.DateField(
        label=_("Last day"),
        required=False,
        widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"}),
        help_text=_("The key ends at midnight UTC after this day. Empty: it does not expire."),
    )

    def clean_scopes(self) -> tuple[str, ...]:
        return tuple(self.cleaned_data["scopes"])

    def clean_expires_at(self) -> datetime | None:
        last_day: date | None = self.cleaned_data["expires_at"]
        if last_day is None:
            return None
        if last_day.year > _LAST_YEAR:
            raise forms.ValidationError(
                _("The year must be %(year)d at most."), params={"year": _LAST_YEAR}
            )
        return datetime.combine(last_day + timedelta(days=1), time(), tzinfo=UTC)
