"""Which events drop which answers, and what signs them."""

from __future__ import annotations

import re
import secrets
from dataclasses import asdict, dataclass, field
from unicodedata import category

from django.conf import settings
from django.utils.translation import gettext as _

from cache_admin.errors import Conflict, InvalidInput, NotAllowed
from cache_admin.models import EventRule, EventSecret, Tenant
from cache_admin.services.actor import Actor
from cache_admin.services.credentials import credentials_cipher
from cache_admin.services.publishing import change
from cache_admin.services.validation import current, validated

MAX_RULES = 200
MAX_SECRETS = 2
_EVENT = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:-]{0,119}")
_BRACED = re.compile(r"\{([^{}]*)\}")
_PLACEHOLDER = re.compile(r"id|payload\.[A-Za-z0-9_-]+")
_TYPE = "rpe"
_SECRET_BYTES = 32
_HINT_LENGTH = 4


@dataclass(frozen=True, slots=True)
class EventRuleSpec:
    """An event's name and the tag it drops, with ``{id}`` and ``{payload.<field>}``."""

    event: str
    tag: str
    enabled: bool = True


@dataclass(frozen=True, slots=True)
class NewEventSecret:
    """A secret at the only moment its text is known."""

    secret: EventSecret
    text: str = field(repr=False)


def create_event_rule(*, tenant: Tenant, actor: Actor, spec: EventRuleSpec) -> EventRule:
    """A new rule.

    Raises InvalidInput, Conflict when the rule is there already, NotAllowed when there are too
    many.
    """
    with change(actor=actor, tenant=tenant) as journal:
        if EventRule.objects.for_tenant(tenant).count() >= MAX_RULES:
            message = _("Keep at most %(limit)d rules.") % {"limit": MAX_RULES}
            raise NotAllowed(message, code="limit_reached")
        rule = EventRule(tenant=tenant)
        write_event_rule(rule, spec)
        journal.record("event_rule.created", target=rule, after=asdict(spec))
    return rule


def update_event_rule(
    *, rule: EventRule, actor: Actor, spec: EventRuleSpec, expected_version: int | None
) -> EventRule:
    """Give `rule` the values of `spec`; the row as saved is returned.

    Raises StaleEdit when `expected_version` is given and is no longer the current one, InvalidInput
    or Conflict. Saving the same values changes nothing.
    """
    with change(actor=actor, tenant=rule.tenant) as journal:
        row = current(rule, expected_version=expected_version)
        before = event_rule_spec_of(row)
        if before == spec:
            return row
        row.version += 1
        write_event_rule(row, spec)
        journal.record("event_rule.updated", target=row, before=asdict(before), after=asdict(spec))
    return row


def delete_event_rule(
    *, rule: EventRule, actor: Actor, expected_version: int | None = None
) -> None:
    """Remove a rule. Raises StaleEdit when `expected_version` is given and someone saved since."""
    with change(actor=actor, tenant=rule.tenant) as journal:
        row = current(rule, expected_version=expected_version)
        journal.record("event_rule.deleted", target=row, before=asdict(event_rule_spec_of(row)))
        row.delete()


def event_rule_spec_of(rule: EventRule) -> EventRuleSpec:
    """The values of `rule` as an edit would give them."""
    return EventRuleSpec(event=rule.event, tag=rule.tag, enabled=rule.enabled)


def write_event_rule(rule: EventRule, spec: EventRuleSpec) -> None:
    """Save `rule` with the values of `spec`. Raises InvalidInput or Conflict."""
    rule.event, rule.tag, rule.enabled = spec.event.strip(), spec.tag.strip(), spec.enabled
    if not _EVENT.fullmatch(rule.event):
        message = _("Use letters, digits, dots, colons, hyphens and underscores.")
        raise InvalidInput(message, fields={"event": message})
    if fault := _template_fault(rule.tag):
        raise InvalidInput(fault, fields={"tag": fault})
    same = EventRule.objects.for_tenant(rule.tenant).filter(event=rule.event, tag=rule.tag)
    if same.exclude(pk=rule.pk).exists():
        message = _("This rule is there already.")
        raise Conflict(message, fields={"tag": message})
    validated(rule).save()


def add_event_secret(*, tenant: Tenant, actor: Actor) -> NewEventSecret:
    """A new random secret of 256 bits; what signs with the one before is still believed.

    Raises NotAllowed while two are in force: the older one has to be withdrawn first.
    """
    text = f"{_TYPE}_{secrets.token_urlsafe(_SECRET_BYTES)}"
    token = credentials_cipher(settings.CREDENTIALS_KEY).encrypt(text.encode()).decode("ascii")
    with change(actor=actor, tenant=tenant) as journal:
        if EventSecret.objects.for_tenant(tenant).count() >= MAX_SECRETS:
            message = _("Two secrets are in force. Withdraw the older one first.")
            raise NotAllowed(message, code="limit_reached")
        secret = EventSecret(
            tenant=tenant, secret=token, hint=text[-_HINT_LENGTH:], created_by=actor.user
        )
        validated(secret).save()
        journal.record("event_secret.added", target=secret, after={"hint": secret.hint})
    return NewEventSecret(secret, text)


def withdraw_event_secret(*, secret: EventSecret, actor: Actor) -> None:
    """End `secret` for good; withdrawing twice changes nothing."""
    with change(actor=actor, tenant=secret.tenant) as journal:
        row = EventSecret.objects.filter(pk=secret.pk).first()
        if row is not None:
            journal.record("event_secret.withdrawn", target=row, before={"hint": row.hint})
            row.delete()


def _template_fault(template: str) -> str:
    """What is wrong with a tag's template; empty when nothing is."""
    if not template:
        return _("Name the tag.")
    if any(mark == "," or category(mark) in ("Cc", "Cs", "Zl", "Zp") for mark in template):
        shown = ascii(template)[1:-1]
        return _("“%(item)s” holds a comma or a control character.") % {"item": shown}
    for name in _BRACED.findall(template):
        if not _PLACEHOLDER.fullmatch(name):
            return _("“{%(name)s}” is unknown; there are {id} and {payload.field}.") % {
                "name": name
            }
    if set(_BRACED.sub("", template)) & set("{}"):
        return _("A brace is left open.")
    return ""
