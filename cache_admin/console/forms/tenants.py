"""Creating and editing a tenant."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.auth.models import User
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from cache_admin.console.forms.base import ConsoleForm, EditForm
from cache_admin.console.forms.faqs import language_choices
from cache_admin.errors import DomainError
from cache_admin.models import Tenant
from routing.embedding_models import KNOWN_MODELS, MAX_NAME_CHARS, KnownModel

OTHER_MODEL = "other"


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
    embedding_model = forms.ChoiceField(
        label=_("Embedding model"),
        required=False,
        help_text=_(
            "Tells how alike two questions are. With another model the most used answers are moved "
            "in the background; the others are asked for anew. A vector takes 4 bytes for each "
            "dimension with its answer, and 1 in the index."
        ),
    )
    other_model = forms.CharField(
        label=_("Name of another model"),
        required=False,
        max_length=MAX_NAME_CHARS,
        help_text=_(
            "With “another model” above: openai:<model>, with @<dimensions> for shorter vectors. "
            "Whoever runs this installation may also give a sentence-transformers name, or a "
            "directory of the runtimes."
        ),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        offer_languages(self)
        field = self.fields["embedding_model"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = model_choices()

    def clean(self) -> dict[str, Any]:
        """Have the name of another model where that is chosen."""
        cleaned = super().clean() or self.cleaned_data
        if cleaned.get("embedding_model") == OTHER_MODEL:
            if not cleaned.get("other_model"):
                self.add_error("other_model", _("Give the name of the model."))
            cleaned["chosen_model"] = cleaned.get("other_model", "")
        else:
            cleaned["chosen_model"] = cleaned.get("embedding_model", "")
        return cleaned

    def add_domain_error(self, error: DomainError) -> None:
        """Show what is wrong with a name where it was typed."""
        if "embedding_model" in error.fields and self.cleaned_data.get("other_model"):
            self.add_error("other_model", str(error.fields["embedding_model"]))
            return
        super().add_domain_error(error)


def model_choices() -> list[tuple[str, str]]:
    """The runtimes' own model, the known ones, and any other."""
    return [
        ("", gettext("as the runtimes are set up")),
        *((model.name, _model_label(model)) for model in KNOWN_MODELS),
        (OTHER_MODEL, gettext("another model")),
    ]


def _model_label(model: KnownModel) -> str:
    label = (
        gettext("%(name)s: %(dimensions)d dimensions, English")
        if model.english_only
        else gettext("%(name)s: %(dimensions)d dimensions, many languages")
    )
    return label % {"name": model.name, "dimensions": model.dimensions}


def offer_languages(form: ConsoleForm) -> None:
    """Fill the language list in the page's language."""
    language = form.fields["language"]
    assert isinstance(language, forms.ChoiceField)
    language.choices = language_choices()


def tenant_values(tenant: Tenant) -> dict[str, Any]:
    """What is stored now, as the form's initial values."""
    listed = tenant.embedding_model in {"", *(model.name for model in KNOWN_MODELS)}
    return {
        "version": tenant.version,
        "name": tenant.name,
        "language": tenant.language,
        "enabled": tenant.enabled,
        "embedding_model": tenant.embedding_model if listed else OTHER_MODEL,
        "other_model": "" if listed else tenant.embedding_model,
    }
