"""Creating and editing a tenant."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.auth.models import User
from django.utils.translation import gettext_lazy as _

from cache_admin.console.forms.base import ConsoleForm, EditForm
from cache_admin.console.forms.faqs import language_choices
from cache_admin.models import Tenant


class NewTenantForm(ConsoleForm):
    """A tenant's names, language and first owner."""

    name = forms.CharField(label=_("Name"), max_length=120)
    slug = forms.SlugField(
        label=_("Short name"),
        max_length=64,
        help_text=_("Lower-case letters, digits, dashes. It stands in addresses and stays."),
    )
    language = forms.ChoiceField(label=_("Main language"))
    owner = forms.ModelChoiceField(
        label=_("Owner"),
        required=False,
        queryset=User.objects.filter(is_active=True).order_by("username"),
        empty_label=_("nobody yet"),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        offer_languages(self)


class TenantForm(EditForm):
    """What may change about a tenant."""

    name = forms.CharField(label=_("Name"), max_length=120)
    language = forms.ChoiceField(
        label=_("Main language"), help_text=_("New FAQs start in this language.")
    )
    enabled = forms.BooleanField(
        label=_("Enabled"),
        required=False,
        help_text=_("While a tenant is off, every call with one of its keys is refused."),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        offer_languages(self)


def offer_languages(form: ConsoleForm) -> None:
    """Fill the language list in the page's language."""
    language = form.fields["language"]
    assert isinstance(language, forms.ChoiceField)
    language.choices = language_choices()


def tenant_values(tenant: Tenant) -> dict[str, Any]:
    """What is stored now, as the form's initial values."""
    return {
        "version": tenant.version,
        "name": tenant.name,
        "language": tenant.language,
        "enabled": tenant.enabled,
    }
