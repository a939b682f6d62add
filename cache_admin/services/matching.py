"""What a tenant's people know about their questions: pairs that never merge, and a lexicon."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass
from unicodedata import category

from django.utils.translation import gettext as _

from cache_admin.errors import Conflict, InvalidInput, NotAllowed
from cache_admin.models import Lexicon, NeverMergePair, Tenant
from cache_admin.services.actor import Actor
from cache_admin.services.publishing import change
from cache_admin.services.validation import current, current_or_new, validated
from routing.normalize import normalize_question

MAX_PAIRS = 5_000
MAX_GROUPS = 500
MAX_GROUP_WORDS = 50
MAX_WORD_LENGTH = 60
_COMPARED_IN = ("en", "es")
Groups = tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class PairSpec:
    """Two questions that must never share an answer."""

    a: str
    b: str
    enabled: bool = True


@dataclass(frozen=True, slots=True)
class LexiconSpec:
    """A tenant's own words, as `routing.snapshot.LexiconConfig` explains them."""

    opposites: Groups = ()
    alike: Groups = ()
    apart: Groups = ()


def create_pair(*, tenant: Tenant, actor: Actor, spec: PairSpec) -> NeverMergePair:
    """A new pair.

    Raises InvalidInput when the two are one question, Conflict when the pair is there already,
    either way round, and NotAllowed when there are too many.
    """
    with change(actor=actor, tenant=tenant) as journal:
        if NeverMergePair.objects.for_tenant(tenant).count() >= MAX_PAIRS:
            message = _("Keep at most %(limit)d pairs.") % {"limit": MAX_PAIRS}
            raise NotAllowed(message, code="limit_reached")
        pair = NeverMergePair(tenant=tenant)
        write_pair(pair, spec)
        journal.record("never_merge.created", target=pair, after=asdict(pair_spec_of(pair)))
    return pair


def update_pair(
    *, pair: NeverMergePair, actor: Actor, spec: PairSpec, expected_version: int | None
) -> NeverMergePair:
    """Give `pair` the values of `spec`; the row as saved is returned.

    Raises StaleEdit when `expected_version` is given and is no longer the current one, and what
    `create_pair` raises. Saving the same values changes nothing.
    """
    with change(actor=actor, tenant=pair.tenant) as journal:
        row = current(pair, expected_version=expected_version)
        before = pair_spec_of(row)
        if before == _canonical(spec):
            return row
        row.version += 1
        write_pair(row, spec)
        after = asdict(pair_spec_of(row))
        journal.record("never_merge.updated", target=row, before=asdict(before), after=after)
    return row


def delete_pair(*, pair: NeverMergePair, actor: Actor, expected_version: int | None = None) -> None:
    """Remove a pair; its questions may share answers again.

    Raises StaleEdit when `expected_version` is given and someone saved meanwhile.
    """
    with change(actor=actor, tenant=pair.tenant) as journal:
        row = current(pair, expected_version=expected_version)
        journal.record("never_merge.deleted", target=row, before=asdict(pair_spec_of(row)))
        row.delete()


def pair_spec_of(pair: NeverMergePair) -> PairSpec:
    """The values of `pair` as an edit would give them."""
    return PairSpec(a=pair.a, b=pair.b, enabled=pair.enabled)


def write_pair(pair: NeverMergePair, spec: PairSpec) -> None:
    """Save `pair` with the values of `spec`. Raises InvalidInput or Conflict."""
    spec = _canonical(spec)
    pair.a, pair.b, pair.enabled = spec.a, spec.b, spec.enabled
    pair.digest = pair_digest(spec.a, spec.b, language=pair.tenant.language)
    for language in (*_COMPARED_IN, pair.tenant.language):
        a, b = normalize_question(spec.a, language), normalize_question(spec.b, language)
        for name, text in (("a", a), ("b", b)):
            if not text:
                message = _("Write a question with a word to compare.")
                raise InvalidInput(message, fields={name: message})
        if a == b:
            message = _("Both are the same question once case, accents and signs are put aside.")
            raise InvalidInput(message, fields={"b": message})
    same = NeverMergePair.objects.for_tenant(pair.tenant).filter(digest=pair.digest)
    if same.exclude(pk=pair.pk).exists():
        message = _("This pair is there already.")
        raise Conflict(message, fields={"b": message})
    validated(pair).save()


def pair_digest(a: str, b: str, *, language: str) -> str:
    """SHA-256 (hex) of a pair as its questions are compared, the same either way round."""
    texts = sorted((normalize_question(a, language), normalize_question(b, language)))
    # Normalised text has no line break.
    return hashlib.sha256("\n".join(texts).encode("utf-8", "surrogatepass")).hexdigest()


def lexicon_of(tenant: Tenant) -> Lexicon:
    """The tenant's lexicon; an unsaved empty one while there is none."""
    row = Lexicon.objects.for_tenant(tenant).first()
    return row if row is not None else Lexicon(tenant=tenant)


def update_lexicon(
    *, tenant: Tenant, actor: Actor, spec: LexiconSpec, expected_version: int | None
) -> Lexicon:
    """Give the tenant the words of `spec`; the row as saved is returned.

    Raises StaleEdit when `expected_version` is given and is no longer the current one, InvalidInput
    for groups that are too short, too long, too many or contradict each other.
    """
    spec = _checked(spec)
    with change(actor=actor, tenant=tenant) as journal:
        row = current_or_new(lexicon_of(tenant), expected_version=expected_version)
        before = lexicon_spec_of(row)
        if before == spec:
            return row
        row.version += 1
        write_lexicon(row, spec)
        journal.record("lexicon.updated", target=row, before=asdict(before), after=asdict(spec))
    return row


def lexicon_spec_of(lexicon: Lexicon) -> LexiconSpec:
    """The words of `lexicon` as an edit would give them."""
    return LexiconSpec(
        opposites=_groups(lexicon.opposites),
        alike=_groups(lexicon.alike),
        apart=_groups(lexicon.apart),
    )


def write_lexicon(lexicon: Lexicon, spec: LexiconSpec) -> None:
    """Save `lexicon` with the words of `spec`. Raises InvalidInput."""
    lexicon.opposites = [list(group) for group in spec.opposites]
    lexicon.alike = [list(group) for group in spec.alike]
    lexicon.apart = [list(group) for group in spec.apart]
    validated(lexicon).save()


def _canonical(spec: PairSpec) -> PairSpec:
    """`spec` without the blanks at the ends, which mean nothing."""
    return PairSpec(a=spec.a.strip(), b=spec.b.strip(), enabled=spec.enabled)


def _groups(listed: list[list[str]]) -> Groups:
    return tuple(tuple(group) for group in listed)


def _checked(spec: LexiconSpec) -> LexiconSpec:
    """`spec` without blanks and repetitions. Raises InvalidInput naming the list at fault."""
    opposites, alike, apart = (_tidy(groups) for groups in (spec.opposites, spec.alike, spec.apart))
    for name, groups in (("opposites", opposites), ("alike", alike), ("apart", apart)):
        if fault := _fault(groups, pairs_only=name == "opposites"):
            raise InvalidInput(fault, fields={name: fault})
    for name, groups in (("opposites", opposites), ("apart", apart)):
        if both := _in_two(groups, alike):
            message = _("“%(one)s” and “%(other)s” also stand among the words that mean the same.")
            message %= {"one": both[0], "other": both[1]}
            raise InvalidInput(message, fields={name: message})
    return LexiconSpec(opposites=opposites, alike=alike, apart=apart)


def _tidy(groups: Groups) -> Groups:
    tidied = (
        tuple(dict.fromkeys(" ".join(word.split()) for word in group if word.strip()))
        for group in groups
    )
    return tuple(dict.fromkeys(group for group in tidied if group))


def _fault(groups: Groups, *, pairs_only: bool) -> str:
    """What is wrong with a list of groups; empty when nothing is."""
    if len(groups) > MAX_GROUPS:
        return _("Keep at most %(limit)d groups.") % {"limit": MAX_GROUPS}
    for group in groups:
        shown = ", ".join(group)[:MAX_WORD_LENGTH]
        if pairs_only and len(group) != 2:
            return _("“%(group)s” must be two different words.") % {"group": shown}
        if len({_compared(word) for word in group}) < 2:
            return _("“%(group)s” must be two or more different words.") % {"group": shown}
        if len(group) > MAX_GROUP_WORDS:
            return _("“%(group)s…” has too many words; keep %(limit)d.") % {
                "group": shown,
                "limit": MAX_GROUP_WORDS,
            }
        for word in group:
            if fault := _word_fault(word):
                return fault
    return ""


def _word_fault(word: str) -> str:
    # A form shows the words with commas between.
    if any(mark == "," or category(mark) in ("Cc", "Cs") for mark in word):
        shown = ascii(word)[1:-1]
        return _("“%(item)s” holds a comma or a control character.") % {"item": shown}
    if len(word) > MAX_WORD_LENGTH:
        return _("Keep each under %(limit)d characters.") % {"limit": MAX_WORD_LENGTH + 1}
    if not _compared(word):
        return _("“%(text)s” has no word to compare.") % {"text": word}
    return ""


def _in_two(groups: Groups, others: Groups) -> tuple[str, str] | None:
    """Two words that stand together in a group of both; None when there are none such."""
    together = [{_compared(word) for word in group} for group in others]
    for group in groups:
        for position, one in enumerate(group):
            for other in group[position + 1 :]:
                if any({_compared(one), _compared(other)} <= words for words in together):
                    return one, other
    return None


def _compared(word: str) -> str:
    return normalize_question(word, "en")
