"""Pairs of questions that never merge, and a tenant's lexicon."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.utils.translation import gettext_lazy as _

from cache_admin.console.forms.base import ConsoleForm, EditForm, LinesField
from cache_admin.models import Lexicon, NeverMergePair
from cache_admin.models.matching import MAX_QUESTION_LENGTH
from cache_admin.services.matching import Groups, LexiconSpec, PairSpec

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise


class PairFilterForm(ConsoleForm):
    """The search line above the list."""

    q = forms.CharField(
        label=_("Search"), required=False, widget=forms.TextInput(attrs={"type": "search"})
    )

    def text(self) -> str:
        """What to look for; nothing for nonsense."""
        self.is_valid()
        return str(self.cleaned_data.get("q", ""))


class PairForm(EditForm):
    """Two questions."""

    a = forms.CharField(label=_("This question"), max_length=MAX_QUESTION_LENGTH)
    b = forms.CharField(
        label=_("never gets the answer of"),
        max_length=MAX_QUESTION_LENGTH,
        help_text=_(
            "Nor the other way round. Case, accents, punctuation and spacing make no difference."
        ),
    )
    enabled = forms.BooleanField(label=_("Enabled"), required=False)

    def spec(self) -> PairSpec:
        """The pair as the person wants it."""
        data = self.cleaned_data
        return PairSpec(a=data["a"], b=data["b"], enabled=data["enabled"])


def pair_values(pair: NeverMergePair) -> dict[str, Any]:
    """What is stored now, as the form's initial values."""
    return {"version": pair.version, "a": pair.a, "b": pair.b, "enabled": pair.enabled}


def _groups_field(label: StrOrPromise, help_text: StrOrPromise) -> LinesField:
    widget = forms.Textarea(attrs={"rows": 7})
    return LinesField(label=label, help_text=help_text, required=False, widget=widget)


class LexiconForm(EditForm):
    """Groups of words, one a line, the words of a group with commas between."""

    apart = _groups_field(
        _("Never one for another"),
        _(
            "One group a line, commas between: “pro, gold, basic”. A question about one of them is "
            "never answered with the answer about another."
        ),
    )
    alike = _groups_field(
        _("The same"),
        _("“invoice, bill, receipt”. These words do not count as a difference."),
    )
    opposites = _groups_field(
        _("Opposites"),
        _("Two words a line: “check in, check out”. They turn a question round."),
    )

    def spec(self) -> LexiconSpec:
        """The words as the person wants them."""
        data = self.cleaned_data
        return LexiconSpec(
            opposites=_parted(data["opposites"]),
            alike=_parted(data["alike"]),
            apart=_parted(data["apart"]),
        )


def lexicon_values(lexicon: Lexicon) -> dict[str, Any]:
    """What is stored now, as the form's initial values."""
    return {
        "version": lexicon.version,
        "opposites": _joined(lexicon.opposites),
        "alike": _joined(lexicon.alike),
        "apart": _joined(lexicon.apart),
    }


def _joined(groups: list[list[str]]) -> list[str]:
    return [", ".join(group) for group in groups]


def _parted(lines: tuple[str, ...]) -> Groups:
    return tuple(tuple(word.strip() for word in line.split(",")) for line in lines)
