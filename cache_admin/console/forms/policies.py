"""Creating and editing a policy."""

from __future__ import annotations

from dataclasses import asdict
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django import forms
from django.utils.translation import gettext_lazy as _

from cache_admin.console.forms.base import EditForm, ListField
from cache_admin.console.forms.duration import DurationField, GraceField
from cache_admin.console.forms.guards import guard_texts
from cache_admin.models import (
    ContentClassChoice,
    ConversationChoice,
    Document,
    PersonalDataChoice,
    Policy,
    ScopeChoice,
    Tenant,
    VolatileChoice,
)
from cache_admin.models.policies import MAX_JITTER, MAX_TURNS
from cache_admin.services.policies import SWITCHABLE_GUARDS, PolicySpec, spec_of

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise


class ShareField(forms.DecimalField):
    """A number from 0 to `most` with up to four decimals."""

    def __init__(
        self, *, label: StrOrPromise, help_text: StrOrPromise, most: Decimal = Decimal(1)
    ) -> None:
        super().__init__(
            label=label,
            help_text=help_text,
            min_value=Decimal(0),
            max_value=most,
            max_digits=5,
            decimal_places=4,
            widget=forms.NumberInput(attrs={"step": "0.01"}),
        )

    def prepare_value(self, value: Any) -> Any:
        return format(value.normalize(), "f") if isinstance(value, Decimal) else value


def _box(label: StrOrPromise, help_text: StrOrPromise = "") -> forms.BooleanField:
    return forms.BooleanField(label=label, help_text=help_text, required=False)


class PolicyForm(EditForm):
    """Everything an operator decides about a policy, under the names of the model's columns."""

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
    guards = forms.MultipleChoiceField(
        label=_("Guards"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text=_(
            "Each refuses a stored answer whose question looks alike and means something else. "
            "Switch one off only where it refuses answers that were right. Your own pairs stay "
            "apart in any case."
        ),
    )
    faqs = _box(
        _("FAQs come first"),
        _("A question that an FAQ answers word for word is answered from there."),
    )
    context_system_prompt = _box(_("System prompt"))
    context_tools = _box(_("Tools"))
    context_response_format = _box(_("Response format"))
    context_attachments = _box(_("Attachments and images"))
    context_parameters = _box(_("Parameters, such as temperature"))
    context_language = _box(_("Language of the question"))
    context_conversation = forms.ChoiceField(
        label=_("Earlier turns"),
        choices=ConversationChoice.choices,
        help_text=_(
            "A question such as “and the other one?” means nothing without the turns before it."
        ),
    )
    context_last_turns = forms.IntegerField(
        label=_("How many turns"),
        min_value=1,
        max_value=MAX_TURNS,
        help_text=_("Messages that count where the last few turns must be equal."),
    )
    store_valid_json = _box(
        _("Only valid JSON where JSON was asked for"), _("Anything else would fail in the app.")
    )
    store_tool_calls = _box(_("Tool calls"), _("Replayed exactly as the model made them."))
    store_refusals = _box(
        _("Refusals"), _("Answers such as “I cannot help with that”. Often gone on a second try.")
    )
    store_finish_abandoned = _box(
        _("Streams whose app has gone"), _("They are read to their end and stored.")
    )
    store_min_chars = forms.IntegerField(label=_("Shortest answer, characters"), min_value=0)
    store_max_chars = forms.IntegerField(label=_("Longest answer, characters"), min_value=1)
    store_personal_data = forms.ChoiceField(
        label=_("Answers with personal data"),
        choices=PersonalDataChoice.choices,
        help_text=_("E-mail addresses, phone and card numbers, in the question or the answer."),
    )
    store_volatile = forms.ChoiceField(
        label=_("Questions about now or about oneself"),
        choices=VolatileChoice.choices,
        help_text=_("Such as “what is my balance?” or “is it open today?”"),
    )
    ttl_seconds = DurationField(
        label=_("Time to live"),
        help_text=_("Answers expire this long after they were stored, however often they serve."),
    )
    jitter = ShareField(
        label=_("Jitter"),
        help_text=_(
            "By which share of that time answers may expire earlier, so that they do not all "
            "expire at once: 0.1 means up to 10 percent."
        ),
        most=MAX_JITTER,
    )
    stale_seconds = GraceField(
        label=_("Served while it is renewed"),
        help_text=_(
            "So long after its expiry an answer is still served, while a fresh one is fetched in "
            "the background. Empty: not at all."
        ),
    )
    stale_if_error_seconds = GraceField(
        label=_("Served when the provider fails"),
        help_text=_("So long after its expiry an answer is better than an error. Empty: not."),
    )
    single_flight = _box(
        _("One call for equal questions at the same time"),
        _("The first asks the provider, the others wait for its answer."),
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
        documents, guards = self.fields["documents"], self.fields["guards"]
        assert isinstance(documents, forms.MultipleChoiceField)
        assert isinstance(guards, forms.MultipleChoiceField)
        guards.choices = [(text.guard.value, text) for text in guard_texts()]
        documents.choices = list(
            Document.objects.for_tenant(tenant).values_list("slug", "title").order_by("slug")
        )

    def spec(self) -> PolicySpec:
        """The policy as the person wants it."""
        data = dict(self.cleaned_data)
        data.pop("version", None)
        kept = set(data.pop("guards"))
        off = tuple(guard.value for guard in SWITCHABLE_GUARDS if guard.value not in kept)
        documents = tuple(data.pop("documents"))
        return PolicySpec(**data, documents=documents, disabled_guards=off)


def new_policy_values() -> dict[str, Any]:
    """What the form of a new policy starts from."""
    values = asdict(PolicySpec(name="", content_class=ContentClassChoice.FREQUENT_FAQ.value))
    del values["name"]
    return _with_guards(values)


def policy_values(policy: Policy) -> dict[str, Any]:
    """What is stored now, as the form's initial values."""
    return {"version": policy.version, **_with_guards(asdict(spec_of(policy)))}


def _with_guards(values: dict[str, Any]) -> dict[str, Any]:
    """The guards that are on instead of those that are off."""
    off = values.pop("disabled_guards")
    values["guards"] = [guard.value for guard in SWITCHABLE_GUARDS if guard.value not in off]
    values["documents"] = list(values["documents"])
    return values
