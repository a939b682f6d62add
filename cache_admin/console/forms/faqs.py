"""Searching, creating and editing curated answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django import forms
from django.conf.locale import LANG_INFO
from django.contrib.auth.models import User
from django.db.models import Q, QuerySet
from django.utils.translation import get_language_info
from django.utils.translation import gettext_lazy as _

from cache_admin.console.forms.base import ConsoleForm, EditForm, LinesField
from cache_admin.models import Faq, Tenant
from cache_admin.selectors.faq_search import faq_languages
from cache_admin.services.faqs import FaqSpec


@dataclass(frozen=True, slots=True)
class FaqFilter:
    """What a person looks for."""

    text: str = ""
    language: str = ""
    enabled: bool | None = None


class FaqFilterForm(ConsoleForm):
    """The search line above the list. Nonsense in it finds everything."""

    q = forms.CharField(
        label=_("Search"), required=False, widget=forms.TextInput(attrs={"type": "search"})
    )
    language = forms.ChoiceField(label=_("Language"), required=False)
    state = forms.ChoiceField(
        label=_("State"),
        required=False,
        choices=[("", _("all")), ("on", _("on")), ("off", _("off"))],
    )

    def __init__(self, *args: Any, tenant: Tenant, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        language = self.fields["language"]
        assert isinstance(language, forms.ChoiceField)
        used = [(code, language_name(code)) for code in faq_languages(tenant)]
        language.choices = [("", _("all")), *used]

    def filter(self) -> FaqFilter:
        """The filter as typed; fields that make no sense are left out."""
        self.is_valid()
        data = self.cleaned_data
        enabled = {"on": True, "off": False}.get(data.get("state", ""))
        return FaqFilter(text=data.get("q", ""), language=data.get("language", ""), enabled=enabled)


class FaqForm(EditForm):
    """A question, its other phrasings and the answer."""

    question = forms.CharField(label=_("Question"), max_length=500)
    aliases = LinesField(
        label=_("Also asked as"),
        required=False,
        help_text=_(
            "One phrasing a line. Case, accents, punctuation and spacing make no difference."
        ),
        widget=forms.Textarea(attrs={"rows": 5}),
    )
    answer = forms.CharField(
        label=_("Answer"),
        widget=forms.Textarea(attrs={"rows": 7}),
        help_text=_("Served word for word, without calling a model."),
    )
    language = forms.ChoiceField(label=_("Language"))
    owner = forms.ModelChoiceField(
        label=_("Owner"), required=False, queryset=User.objects.none(), empty_label=_("nobody")
    )
    review_on = forms.DateField(
        label=_("Review on"),
        required=False,
        widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"}),
    )
    enabled = forms.BooleanField(label=_("Enabled"), required=False)

    def __init__(self, *args: Any, tenant: Tenant, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        language, owner = self.fields["language"], self.fields["owner"]
        assert isinstance(language, forms.ChoiceField)
        assert isinstance(owner, forms.ModelChoiceField)
        language.choices = language_choices()
        owner.queryset = possible_owners(tenant, current=self.initial.get("owner"))

    def spec(self) -> FaqSpec:
        """The FAQ as the person wants it."""
        data = self.cleaned_data
        return FaqSpec(
            question=data["question"],
            aliases=data["aliases"],
            answer=data["answer"],
            language=data["language"],
            owner=data["owner"],
            review_on=data["review_on"],
            enabled=data["enabled"],
        )


def faq_values(faq: Faq) -> dict[str, Any]:
    """What is stored now, as the form's initial values."""
    phrases = [phrase.text for phrase in faq.phrases.all() if phrase.position > 0]
    return {
        "version": faq.version,
        "question": faq.question,
        "aliases": phrases,
        "answer": faq.answer,
        "language": faq.language,
        "owner": faq.owner_id,
        "review_on": faq.review_on,
        "enabled": faq.enabled,
    }


def possible_owners(tenant: Tenant, *, current: int | None) -> QuerySet[User]:
    """Members of `tenant`, and whoever owns the FAQ now."""
    return (
        User.objects.filter(Q(memberships__tenant=tenant, is_active=True) | Q(pk=current))
        .distinct()
        .order_by("username")
    )


def language_choices() -> list[tuple[str, str]]:
    """Every two-letter language Django can name, by its name in the page's language."""
    codes = [code for code in LANG_INFO if len(code) == 2]
    return sorted(((code, language_name(code)) for code in codes), key=lambda pair: pair[1])


def language_name(code: str) -> str:
    """The language's name in the page's language; the bare code when Django has none."""
    if code not in LANG_INFO:
        return code
    return str(get_language_info(code)["name_translated"])
