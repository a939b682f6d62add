"""Curated answers and the phrasings they are served for."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from datetime import date
from typing import TYPE_CHECKING

from django.utils.translation import gettext as _

from cache_admin.errors import Conflict, InvalidInput
from cache_admin.models import Faq, FaqPhrase, Tenant
from cache_admin.models.faqs import MAX_NORMALIZED_LENGTH
from cache_admin.services.actor import Actor
from cache_admin.services.publishing import change
from cache_admin.services.validation import current, is_text, validated
from routing.normalize import normalize_question

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from django.contrib.auth.models import User

MAX_ALIASES = 200
MAX_ANSWER_LENGTH = 100_000
_MAX_PHRASE_LENGTH = 500


@dataclass(frozen=True, slots=True)
class FaqSpec:
    """Everything a curator decides about an FAQ."""

    question: str
    answer: str
    aliases: tuple[str, ...] = ()
    language: str = "en"
    owner: User | None = field(default=None)
    review_on: date | None = None
    enabled: bool = True


@dataclass(frozen=True, slots=True)
class Phrase:
    """One phrasing: `text` as written, `normalized` as calls are compared with it."""

    text: str
    normalized: str


def create_faq(*, tenant: Tenant, actor: Actor, spec: FaqSpec) -> Faq:
    """A new FAQ.

    Raises InvalidInput, or Conflict when another enabled FAQ already answers one of the phrasings;
    the message names that FAQ. A disabled FAQ answers nothing and may hold any phrasing.
    """
    with change(actor=actor, tenant=tenant) as journal:
        faq = Faq(tenant=tenant)
        _put(faq, spec)
        journal.record("faq.created", target=faq, after=_facts(spec_of(faq)))
    return faq


def update_faq(*, faq: Faq, actor: Actor, spec: FaqSpec, expected_version: int | None) -> Faq:
    """Give `faq` the values of `spec`; the row as saved is returned.

    Raises StaleEdit when `expected_version` is given and is no longer the current one, and what
    `create_faq` raises. Saving the same values changes nothing.
    """
    with change(actor=actor, tenant=faq.tenant) as journal:
        row = current(faq, expected_version=expected_version)
        before = spec_of(row)
        if before == _canonical(spec):
            return row
        row.version += 1
        _put(row, spec)
        journal.record("faq.updated", target=row, before=_facts(before), after=_facts(spec_of(row)))
    return row


def delete_faq(*, faq: Faq, actor: Actor, expected_version: int | None = None) -> None:
    """Remove an FAQ and its phrasings.

    Raises StaleEdit when `expected_version` is given and someone saved meanwhile.
    """
    with change(actor=actor, tenant=faq.tenant) as journal:
        row = current(faq, expected_version=expected_version)
        journal.record("faq.deleted", target=row, before=_facts(spec_of(row)))
        row.delete()


def spec_of(faq: Faq) -> FaqSpec:
    """The values of `faq` as an edit would give them."""
    aliases = faq.phrases.filter(position__gt=0).order_by("position")
    return FaqSpec(
        question=faq.question,
        answer=faq.answer,
        aliases=tuple(aliases.values_list("text", flat=True)),
        language=faq.language,
        owner=faq.owner,
        review_on=faq.review_on,
        enabled=faq.enabled,
    )


def phrases_of(*, question: str, aliases: Iterable[str], language: str) -> tuple[Phrase, ...]:
    """The phrasings in order, the question first; aliases equal to an earlier one are left out.

    Raises InvalidInput when nothing comparable is left of one, when one is too long, and when one
    is not a single line of text.
    """
    phrases: dict[str, Phrase] = {}
    for position, text in enumerate((question, *aliases)):
        normalized = normalize_question(text, language)
        if fault := _fault(text, normalized):
            name = "question" if position == 0 else "aliases"
            raise InvalidInput(fault, fields={name: fault})
        phrases.setdefault(normalized, Phrase(text, normalized))
    return tuple(phrases.values())


def _fault(text: str, normalized: str) -> str:
    """What is wrong with a phrasing; empty when nothing is."""
    if not is_text(text):
        return _("This holds characters that cannot be kept.")
    if len(text.splitlines()) > 1:
        return _("Write each phrasing on one line.")
    if not normalized:
        return _("“%(text)s” has no word to compare.") % {"text": text}
    if len(text) > _MAX_PHRASE_LENGTH:
        return _("Keep each phrasing under %(limit)d characters.") % {"limit": _MAX_PHRASE_LENGTH}
    # One character may stand for a whole phrase, as ﷺ does.
    if len(normalized) > MAX_NORMALIZED_LENGTH:
        return _("Written out in full, “%(text)s” is too long.") % {"text": text}
    return ""


def write_phrases(faq: Faq, phrases: Collection[Phrase]) -> None:
    """Replace the phrasings of `faq`, which is saved.

    Raises Conflict naming the enabled FAQ that has one of them, unless `faq` is disabled.
    """
    if faq.enabled:
        _refuse_taken(faq, phrases)
    faq.phrases.all().delete()
    FaqPhrase.objects.bulk_create(
        FaqPhrase(
            tenant=faq.tenant,
            faq=faq,
            language=faq.language,
            position=position,
            text=phrase.text,
            normalized=phrase.normalized,
            enabled=faq.enabled,
        )
        for position, phrase in enumerate(phrases)
    )


def _refuse_taken(faq: Faq, phrases: Iterable[Phrase]) -> None:
    wanted = {phrase.normalized: position for position, phrase in enumerate(phrases)}
    taken = (
        FaqPhrase.objects.filter(
            tenant=faq.tenant, language=faq.language, normalized__in=list(wanted), enabled=True
        )
        .exclude(faq=faq)
        .select_related("faq")
        .order_by("pk")
        .first()
    )
    if taken is not None:
        message = _("“%(phrase)s” is already answered by the FAQ “%(question)s”.") % {
            "phrase": taken.text,
            "question": taken.faq.question,
        }
        name = "question" if wanted[taken.normalized] == 0 else "aliases"
        raise Conflict(message, fields={name: message})


def _put(faq: Faq, spec: FaqSpec) -> None:
    spec = _canonical(spec)
    if len(spec.aliases) > MAX_ALIASES:
        message = _("Keep at most %(limit)d aliases.") % {"limit": MAX_ALIASES}
        raise InvalidInput(message, fields={"aliases": message})
    if len(spec.answer) > MAX_ANSWER_LENGTH:
        message = _("Keep the answer under %(limit)d characters.") % {"limit": MAX_ANSWER_LENGTH}
        raise InvalidInput(message, fields={"answer": message})
    phrases = phrases_of(question=spec.question, aliases=spec.aliases, language=spec.language)
    faq.question, faq.answer, faq.language = spec.question, spec.answer, spec.language
    faq.owner, faq.review_on, faq.enabled = spec.owner, spec.review_on, spec.enabled
    validated(faq).save()
    write_phrases(faq, phrases)


def _canonical(spec: FaqSpec) -> FaqSpec:
    aliases = (alias.strip() for alias in spec.aliases)
    return replace(
        spec,
        question=spec.question.strip(),
        answer=spec.answer.strip(),
        aliases=tuple(dict.fromkeys(alias for alias in aliases if alias)),
    )


def _facts(spec: FaqSpec) -> Mapping[str, object]:
    """What the audit keeps of an FAQ; the owner by name."""
    owner = spec.owner.get_username() if spec.owner else None
    return asdict(replace(spec, owner=None)) | {"owner": owner}
