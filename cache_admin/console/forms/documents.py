"""Creating, renaming and bumping a document."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from cache_admin.console.forms.base import ConsoleForm, EditForm
from cache_admin.models import Document


class NewDocumentForm(ConsoleForm):
    """A document's short name and title."""

    title = forms.CharField(label=_("Title"), max_length=200)
    slug = forms.SlugField(
        label=_("Short name"),
        max_length=64,
        help_text=_("Lower-case letters, digits, dashes. Apps and policies name it; it stays."),
    )


class DocumentForm(EditForm):
    """A document's title."""

    title = forms.CharField(label=_("Title"), max_length=200)


class BumpForm(ConsoleForm):
    """Why a new version is in force."""

    note = forms.CharField(
        label=_("What changed"),
        max_length=500,
        required=False,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_("Kept with the version, for those who ask later."),
    )


def document_values(document: Document) -> dict[str, Any]:
    """What is stored now, as the form's initial values."""
    return {"version": document.version, "title": document.title}
