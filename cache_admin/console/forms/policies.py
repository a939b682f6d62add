"""Creating and editing a policy."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django import forms
from django.utils.translation import gettext_lazy as _

from cache_admin.console.forms.base import EditForm, ListField
from cache_admin.console.forms.duration import DurationField
from cache_admin.models import ContentClassChoice, Document, Policy, ScopeChoice, Tenant
from cache_admin.services.policies import PolicySpec

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise


class ShareField(forms.DecimalField):
    """A number from 0 to 1 with up to four decimals."""

    def __init__(self, *, label: StrOrPromise, help_text: StrOrPromise) -> None:
        super().__init__(
            label=label,
            help_text=help_text,
            min_value=Decimal(0),
            max_value=Decimal(1),
            max_digits=5,
            decimal_places=4,
            widget=forms.NumberInput(attrs={"step": "0.01"}),
        )

    def prepare_value(self, value: Any) -> Any:
        return format(value.normalize(), "f") if isinstance(value, Decimal) else value


class PolicyForm(EditForm):
    """Threshold, lifetime, scope and match rule of one policy."""

    name = forms.SlugField(
        label=_("Name"),
        max_length=64,
        help_text=_("Lower-case letters, digits, dashes. Apps name it to choose this policy."),
    )
    content_class = forms.ChoiceField(label=_("Content class"), choices=ContentClassChoice.choices)
    min_similarity = ShareField(
        label=_("Minimum similarity"),
        help_text=_("A stored answer is served from this closeness of meaning on (0 to 1)."),
    )
    min_margin = ShareField(
        label=_("Minimum margin"),
        help_text=_(
            "How much closer the best answer must be than the next different one. "
            "0 switches the check off."
        ),
    )
    ttl_seconds = DurationField(
        label=_("Time to live"),
        help_text=_("Answers expire this long after they were stored, however often they serve."),
    )
    scope = forms.ChoiceField(
        label=_("Shared with"),
        choices=ScopeChoice.choices,
        help_text=_("Personal answers must stay with the user who caused them."),
    )
    match_endpoints = ListField(
        label=_("Endpoints"),
        required=False,
        help_text=_("Comma-separated; a trailing * matches any ending. Empty matches all."),
    )
    match_tags = ListField(label=_("Tags"), required=False)
    match_models = ListField(label=_("Models"), required=False)
    priority = forms.IntegerField(
        label=_("Priority"), help_text=_("Of the policies that match a call, the highest wins.")
    )
    documents = forms.MultipleChoiceField(
        label=_("Documents"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text=_("Bumping one of these retires every answer stored under this policy."),
    )
    enabled = forms.BooleanField(label=_("Enabled"), required=False)

    def __init__(self, *args: Any, tenant: Tenant, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        documents = self.fields["documents"]
        assert isinstance(documents, forms.MultipleChoiceField)
        documents.choices = list(
            Document.objects.for_tenant(tenant).values_list("slug", "title").order_by("slug")
        )

    def spec(self) -> PolicySpec:
        """The policy as the person wants it."""
        data = self.cleaned_data
        return PolicySpec(
            name=data["name"],
            content_class=data["content_class"],
            min_similarity=data["min_similarity"],
            min_margin=data["min_margin"],
            ttl_seconds=data["ttl_seconds"],
            scope=data["scope"],
            match_endpoints=data["match_endpoints"],
            match_tags=data["match_tags"],
            match_models=data["match_models"],
            priority=data["priority"],
            documents=tuple(data["documents"]),
            enabled=data["enabled"],
        )


def new_policy_values() -> dict[str, Any]:
    """What the form of a new policy starts from."""
    return {
        "content_class": ContentClassChoice.FREQUENT_FAQ,
        "min_similarity": Decimal("0.79"),
        "min_margin": Decimal(0),
        "ttl_seconds": 3600,
        "scope": ScopeChoice.TENANT,
        "priority": 0,
        "enabled": True,
    }


def policy_values(policy: Policy) -> dict[str, Any]:
    """What is stored now, as the form's initial values."""
    return {
        "version": policy.version,
        "name": policy.name,
        "content_class": policy.content_class,
        "min_similarity": policy.min_similarity,
        "min_margin": policy.min_margin,
        "ttl_seconds": policy.ttl_seconds,
        "scope": policy.scope,
        "match_endpoints": policy.match_endpoints,
        "match_tags": policy.match_tags,
        "match_models": policy.match_models,
        "priority": policy.priority,
        "documents": [document.slug for document in policy.documents.all()],
        "enabled": policy.enabled,
    }
