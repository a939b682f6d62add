"""Rules by which events drop answers."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from cache_admin.console.forms.base import EditForm
from cache_admin.models import EventRule
from cache_admin.services.events import EventRuleSpec


class EventRuleForm(EditForm):
    """An event and the tag it drops."""

    event = forms.CharField(
        label=_("When this event comes"),
        max_length=120,
        help_text=_("Its name as the other system sends it, such as order_updated."),
    )
    tag = forms.CharField(
        label=_("drop what carries this tag"),
        max_length=120,
        help_text=_(
            "Such as order:{id}, where {id} stands for what the event is about and "
            "{payload.field} for a field that comes with it."
        ),
    )
    enabled = forms.BooleanField(label=_("Enabled"), required=False)

    def spec(self) -> EventRuleSpec:
        """The rule as the person wants it."""
        data = self.cleaned_data
        return EventRuleSpec(event=data["event"], tag=data["tag"], enabled=data["enabled"])


def event_rule_values(rule: EventRule) -> dict[str, Any]:
    """What is stored now, as the form's initial values."""
    return {
        "version": rule.version,
        "event": rule.event,
        "tag": rule.tag,
        "enabled": rule.enabled,
    }
