"""Removing stored answers by hand, and limits."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from cache_admin.console.forms.base import ConsoleForm, EditForm
from cache_admin.models import EvictionChoice, InvalidationKind, TenantLimits
from cache_admin.services.invalidations import MAX_USER_LENGTH, InvalidationSpec
from cache_admin.services.limits import LimitsSpec

_MIB = 1024 * 1024
_MAX_ENTRIES = 10**12
_MAX_MIB = Decimal(10**9)


class NoteForm(ConsoleForm):
    """Why something is done."""

    note = forms.CharField(
        label=_("Why"),
        max_length=500,
        required=False,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_("Kept with the receipt, for those who ask later."),
    )


class InvalidationForm(NoteForm):
    """What is to go, and which; `confirmed` once the person has seen how much that is."""

    kind = forms.ChoiceField(label=_("Remove"), choices=InvalidationKind.choices)
    target = forms.CharField(
        label=_("Which"),
        max_length=MAX_USER_LENGTH,
        required=False,
        strip=False,
        help_text=_(
            "The entry as x-cache-entry names it, the tag, the user as the app names him, the name "
            "of the policy or the short name of the document. Nothing for the tenant."
        ),
    )
    confirmed = forms.BooleanField(required=False, widget=forms.HiddenInput)

    field_order = ("kind", "target", "note")

    def spec(self) -> InvalidationSpec:
        """What the person wants to go."""
        data = self.cleaned_data
        return InvalidationSpec(kind=data["kind"], target=data["target"], note=data["note"])


class LimitsForm(EditForm):
    """How much a tenant may keep; empty for as much as there is room."""

    max_entries = forms.IntegerField(
        label=_("Most entries"),
        required=False,
        min_value=0,
        max_value=_MAX_ENTRIES,
        help_text=_("Empty or 0: no limit of this tenant's own."),
    )
    max_mib = forms.DecimalField(
        label=_("Most memory, MiB"),
        required=False,
        min_value=Decimal(0),
        max_value=_MAX_MIB,
        decimal_places=2,
        widget=forms.NumberInput(attrs={"step": "any"}),
        help_text=_("By an estimate of what an entry takes. Empty or 0: no limit."),
    )
    eviction = forms.ChoiceField(label=_("What goes first"), choices=EvictionChoice.choices)

    def __init__(self, *args: Any, stored: TenantLimits, **kwargs: Any) -> None:
        super().__init__(*args, initial=_limits_values(stored), **kwargs)
        self._stored = stored

    def spec(self) -> LimitsSpec:
        """The limits as the person wants them; bytes stay exact where the field was not touched."""
        data = self.cleaned_data
        mib = data["max_mib"] or Decimal(0)
        touched = "max_mib" in self.changed_data
        return LimitsSpec(
            max_entries=data["max_entries"] or 0,
            max_bytes=int(mib * _MIB) if touched else self._stored.max_bytes,
            eviction=data["eviction"],
        )


def _limits_values(limits: TenantLimits) -> dict[str, Any]:
    mib = (Decimal(limits.max_bytes) / _MIB).quantize(Decimal("0.01"))
    return {
        "version": limits.version,
        "max_entries": limits.max_entries or None,
        "max_mib": mib.normalize() if mib else None,
        "eviction": limits.eviction,
    }
