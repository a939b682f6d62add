"""What every form of the console shares."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django import forms
from django.forms.boundfield import BoundField
from django.forms.widgets import Input
from django.utils.translation import gettext_lazy as _

from cache_admin.errors import DomainError, StaleEdit

_WIDGET_CLASSES: tuple[tuple[type[forms.Widget], str], ...] = (
    (forms.CheckboxInput, ""),
    (forms.CheckboxSelectMultiple, ""),
    (forms.Textarea, "textarea"),
    (forms.Select, "select"),
    (forms.NumberInput, "input input-number"),
    (Input, "input"),
)


@dataclass(frozen=True, slots=True)
class Difference:
    """A field on which two people disagree."""

    label: str
    stored: str
    yours: str


class ConsoleForm(forms.Form):
    """A form with our look, that knows where a service's refusal belongs."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("label_suffix", "")
        super().__init__(*args, **kwargs)
        for field in self.fields.values():
            css = next((css for kind, css in _WIDGET_CLASSES if isinstance(field.widget, kind)), "")
            if css:
                field.widget.attrs.setdefault("class", css)

    def add_domain_error(self, error: DomainError) -> None:
        """Show a service's refusal at the fields it names, else above the form."""
        at_fields = {name: text for name, text in error.fields.items() if name in self.fields}
        for name, text in at_fields.items():
            self.add_error(name, str(text))
        if not at_fields:
            self.add_error(None, str(error.message))


class EditForm(ConsoleForm):
    """A form over an object that someone else may save meanwhile.

    `initial` holds what is stored now, the hidden `version` what the person saw. After a refusal
    `stale` says that someone saved meanwhile, `deleted` that the object is gone.
    """

    version = forms.IntegerField(widget=forms.HiddenInput, min_value=1)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.stale = False
        self.deleted = False
        if "version" not in self.initial:
            del self.fields["version"]

    @property
    def expected_version(self) -> int:
        """The version that the person's changes are based on."""
        return int(self.cleaned_data["version"])

    @property
    def version_to_send(self) -> int | None:
        """Normally the version seen first; after a clash the stored one, now that it was shown.

        None while the object does not exist yet, or no more.
        """
        if "version" not in self.fields or self.deleted:
            return None
        if self.is_bound and not self.stale:
            return int(self.cleaned_data.get("version", self.initial["version"]))
        return int(self.initial["version"])

    def add_domain_error(self, error: DomainError) -> None:
        if isinstance(error, StaleEdit):
            self.deleted = error.code == "deleted"
            self.stale = not self.deleted
            return
        super().add_domain_error(error)

    def differences(self) -> Iterator[Difference]:
        """Where the stored values differ from the person's own."""
        for name in self.changed_data:
            if name != "version":
                bound = self[name]
                yield Difference(
                    label=str(bound.label),
                    stored=_spoken(bound, bound.initial),
                    yours=_spoken(bound, self.cleaned_data.get(name)),
                )


class ConfirmForm(EditForm):
    """A yes to what the page shows, with the version that it showed."""


class ListField(forms.CharField):
    """Comma-separated words; cleans to a tuple without blanks or repeats."""

    def to_python(self, value: Any) -> Any:
        text = super().to_python(value) or ""
        return tuple(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))

    def prepare_value(self, value: Any) -> Any:
        return value if isinstance(value, str) or value is None else ", ".join(value)

    def has_changed(self, initial: Any, data: Any) -> bool:
        return bool(tuple(initial or ()) != self.to_python(data))

    def validate(self, value: Any) -> None:
        if self.required and not value:
            raise forms.ValidationError(self.error_messages["required"], code="required")


class LinesField(ListField):
    """One phrase a line; cleans to a tuple without blanks or repeats."""

    widget = forms.Textarea

    def to_python(self, value: Any) -> Any:
        text = forms.CharField.to_python(self, value) or ""
        return tuple(dict.fromkeys(line.strip() for line in text.splitlines() if line.strip()))

    def prepare_value(self, value: Any) -> Any:
        return value if isinstance(value, str) or value is None else "\n".join(value)


def _spoken(bound: BoundField, value: Any) -> str:
    if isinstance(value, bool):
        return str(_("yes") if value else _("no"))
    choices = getattr(bound.field, "choices", None)
    if choices is not None and not isinstance(value, (list, tuple)):
        return str(dict(choices).get(value, value))
    if isinstance(value, (list, tuple)):
        return ", ".join(str(item) for item in value) or "—"
    return "—" if value in (None, "") else str(value)
