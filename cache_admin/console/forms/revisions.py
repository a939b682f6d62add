"""Rolling back, and paging through revisions."""

from __future__ import annotations

from django import forms
from django.http import QueryDict
from django.utils.translation import gettext_lazy as _

from cache_admin.console.forms.base import ConsoleForm


class RollbackForm(ConsoleForm):
    """Why an older revision comes back."""

    note = forms.CharField(
        label=_("Why"),
        max_length=500,
        required=False,
        help_text=_("Kept with the new revision."),
    )


class _PageForm(forms.Form):
    before = forms.IntegerField(min_value=1, required=False)


def page_start(query: QueryDict) -> int | None:
    """The revision number below which the page starts; None for the first page."""
    form = _PageForm(query)
    return form.cleaned_data["before"] if form.is_valid() else None
